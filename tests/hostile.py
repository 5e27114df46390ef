"""Hostile arrays and counts of examples that a client may send."""

import io

import numpy as np
from flwr.app import Array, ArrayRecord

from tests.messages import global_arrays

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
