"""Hostile replies, one by one: each is told from a good one, and why."""

import pickle

import numpy as np
import pytest
from flwr.app import ArrayRecord, MetricRecord

from strategies.screening import MalformedReplyError, screen, specs_of
from tests.hostile import GOOD, HOSTILE_ARRAYS, HOSTILE_EXAMPLES, npy, raw, with_weight
from tests.messages import global_arrays, reply

SPECS = specs_of(global_arrays())


class Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


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
