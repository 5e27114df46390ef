"""Hostile replies, one by one: each is told from a good one, and why."""

import io
import pickle

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, MetricRecord

from strategies.screening import MalformedReplyError, screen, specs_of
from tests.messages import global_arrays, reply

SPECS = specs_of(global_arrays())
GOOD = np.ones((2, 2), np.float32)


def with_weight(weight: Array | np.ndarray) -> ArrayRecord:
    record = global_arrays(1.0)
    record["weight"] = weight if isinstance(weight, Array) else Array(weight)
    return record


def npy(value: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, value, allow_pickle=True)
    return stream.getvalue()


def raw(data: bytes, shape=(2, 2), dtype="float32", stype="numpy.ndarray") -> Array:
    return Array(dtype=dtype, shape=shape, stype=stype, data=data)


class Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def renamed() -> ArrayRecord:
    record = global_arrays(1.0)
    record["w"] = record.pop("weight")
    return record


def without_bias() -> ArrayRecord:
    record = global_arrays(1.0)
    del record["bias"]
    return record


def with_extra() -> ArrayRecord:
    record = global_arrays(1.0)
    record["extra"] = Array(GOOD)
    return record


def nan_in_one_place() -> np.ndarray:
    value = GOOD.copy()
    value[1, 0] = np.nan
    return value


def huge_header() -> bytes:
    header = npy(GOOD).replace(b"'shape': (2, 2), }    ", b"'shape': (1000000000000,)}")
    assert b"1000000000000" in header
    return header


HOSTILE_ARRAYS = {
    "all NaN": (with_weight(GOOD * np.nan), "not finite"),
    "one NaN": (with_weight(nan_in_one_place()), "'weight' is not finite"),
    "inf": (with_weight(GOOD * np.inf), "not finite"),
    "-inf": (with_weight(-GOOD * np.inf), "not finite"),
    "missing": (without_bias(), r"missing: \['bias'\]"),
    "extra": (with_extra(), r"unknown: \['extra'\]"),
    "renamed": (renamed(), r"missing: \['weight'\], unknown: \['w'\]"),
    "wrong shape": (with_weight(np.ones(4, np.float32)), r"shape \(4,\)"),
    "broadcastable (1,)": (with_weight(np.ones(1, np.float32)), r"shape \(1,\)"),
    "broadcastable ()": (with_weight(np.array(1, np.float32)), r"shape \(\)"),
    "empty": (with_weight(np.ones(0, np.float32)), r"shape \(0,\)"),
    "float64": (with_weight(GOOD.astype(np.float64)), "dtype float64"),
    "float16": (with_weight(GOOD.astype(np.float16)), "dtype float16"),
    "int64": (with_weight(GOOD.astype(np.int64)), "dtype int64"),
    "bool": (with_weight(GOOD.astype(bool)), "dtype bool"),
    "complex": (with_weight(GOOD.astype(np.complex64)), "dtype complex64"),
    "text": (with_weight(np.full((2, 2), "x")), "dtype <U1"),
    "garbage": (with_weight(raw(b"not a npy file at all")), "no readable .npy header"),
    "empty bytes": (with_weight(raw(b"")), "no readable .npy header"),
    "truncated": (with_weight(raw(npy(GOOD)[:-4])), "12 bytes of data, not 16"),
    "too long": (with_weight(raw(npy(GOOD) + b"more")), "20 bytes of data, not 16"),
    "lying shape": (with_weight(raw(npy(GOOD), shape=(4,))), r"declared \(4,\)"),
    "lying dtype": (with_weight(raw(npy(GOOD), dtype="int8")), "declared int8"),
    "other stype": (with_weight(raw(npy(GOOD), stype="pickle")), "'pickle'"),
    "absurd size": (with_weight(raw(huge_header())), r"shape \(1000000000000,\)"),
}
HOSTILE_EXAMPLES = [0, -5, 10**12, float("nan"), float("inf"), 10.0, [10], 10**7 + 1]


def test_a_good_reply_is_read_without_a_copy():
    read = screen(reply(), SPECS)
    assert list(read.arrays) == ["weight", "bias"]
    np.testing.assert_array_equal(read.arrays["weight"], GOOD)
    assert not read.arrays["weight"].flags.writeable
    assert read.num_examples == 10
    assert read.metrics == {"train_loss": 0.5}


def test_the_order_of_the_arrays_does_not_matter():
    record = ArrayRecord(dict(reversed(global_arrays(1.0).items())))
    assert list(screen(reply(record), SPECS).arrays) == ["weight", "bias"]


def test_a_fortran_ordered_array_is_read_right():
    value = np.asfortranarray(np.arange(4, dtype=np.float32).reshape(2, 2))
    read = screen(reply(with_weight(value)), SPECS)
    np.testing.assert_array_equal(read.arrays["weight"], [[0, 1], [2, 3]])


@pytest.mark.parametrize("name", HOSTILE_ARRAYS)
def test_hostile_arrays(name):
    record, reason = HOSTILE_ARRAYS[name]
    with pytest.raises(MalformedReplyError, match=reason):
        screen(reply(record), SPECS)


def test_a_pickled_array_is_never_loaded(tmp_path):
    touched = tmp_path / "touched"
    objects = np.empty((2, 2), object)
    objects[:] = Payload(str(touched))
    data = npy(objects)
    assert pickle.loads(data[data.index(b"\x80") :]) is not None
    assert touched.exists(), "the payload must work, or this test shows nothing"
    touched.unlink()
    with pytest.raises(MalformedReplyError, match="dtype object"):
        screen(reply(with_weight(raw(data, dtype="object"))), SPECS)
    assert not touched.exists()


@pytest.mark.parametrize("count", HOSTILE_EXAMPLES, ids=repr)
def test_hostile_num_examples(count):
    metrics = MetricRecord({"num-examples": count})
    with pytest.raises(MalformedReplyError, match="num-examples="):
        screen(reply(metrics=metrics), SPECS)


def test_missing_num_examples_and_records():
    with pytest.raises(MalformedReplyError, match="num-examples=None"):
        screen(reply(metrics=MetricRecord({"loss": 1.0})), SPECS)
    with pytest.raises(MalformedReplyError, match="0 MetricRecords"):
        screen(reply(metrics=False), SPECS)
    with pytest.raises(MalformedReplyError, match="0 ArrayRecords"):
        screen(reply(arrays=False), SPECS)
    twice = reply()
    twice.content["more"] = global_arrays()
    with pytest.raises(MalformedReplyError, match="2 ArrayRecords"):
        screen(twice, SPECS)


def test_other_metrics_never_quarantine():
    metrics = MetricRecord({"num-examples": 3, "loss": float("nan"), "acc": 0.5})
    assert screen(reply(metrics=metrics), SPECS).metrics == {"acc": 0.5}


def test_a_huge_finite_update_is_the_rules_to_withstand():
    assert screen(reply(with_weight(GOOD * 1e38)), SPECS).num_examples == 10
