"""Values as arrays and JSON: every bit comes back, and nothing else does."""

import json
import math
import os
import struct
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from strategies.records import from_records, storable, to_records
from tests.states import bits, stored

NAN_WITH_PAYLOAD = struct.unpack(">d", bytes.fromhex("fff8000000000abc"))[0]


@storable
@dataclass(frozen=True)
class Memory:
    """A state of a rule that somebody wrote."""

    rounds: int
    kept: object


@dataclass(frozen=True)
class Undeclared:
    """A dataclass that nobody declared to be storable."""

    rounds: int


DTYPES = st.sampled_from(["?", "i1", "u8", "i8", "f2", "f4", ">f4", "f8", "c16", "U3"])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.sampled_from([np.float32(-0.0), np.int64(2**63 - 1), NAN_WITH_PAYLOAD])
    | DTYPES.flatmap(
        lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=0))
    )
)
KEYS = st.integers() | st.text() | st.tuples(st.integers(), st.text())
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.builds(Memory, st.integers(), inner)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_every_bit_comes_back(value):
    assert bits(stored(value)) == bits(value)


def test_the_hard_cases_come_back():
    value = {
        "zero": -0.0,
        "nan": NAN_WITH_PAYLOAD,
        "infinite": [math.inf, -math.inf],
        "large": 2**80,
        2**62 + 1: np.array([0.0, -0.0, np.nan], np.float32),
        ("a", 1): (np.array(5, np.int8), np.zeros((0, 3)), None, True),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "view": np.arange(10)[::3],
    }
    assert bits(stored(value)) == bits(value)


def test_an_array_in_two_places_is_stored_once_and_stays_one():
    shared = np.arange(3.0)
    arrays, _ = to_records({"a": shared, "b": [shared]})
    assert len(arrays) == 1
    found = stored({"a": shared, "b": [shared], "c": shared.copy()})
    assert found["a"] is found["b"][0]
    assert found["a"] is not found["c"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"rng": np.random.default_rng(0)}, r"state\['rng'\] is a Generator"),
        ([1, Undeclared(1)], r"state\[1\] is a Undeclared, which is not stored: use"),
        (Memory(1, {1, 2}), r"state\.kept is a set"),
        (np.array([None]), "state is a ndarray of dtype object"),
        (np.ma.masked_array([1.0]), "state is a MaskedArray"),
        ({"a": [np.zeros(2, "V2")]}, r"state\['a'\]\[0\] is a ndarray of dtype \|V2"),
        ({os.PathLike: 1}, "a key of state is a ABCMeta"),
        (type("Loud", (int,), {})(3), "state is a Loud"),
    ],
    ids=str,
)
def test_what_could_not_come_back_is_refused_by_its_place(value, reason):
    with pytest.raises(ValueError, match=reason):
        to_records(value)


@pytest.mark.parametrize(
    "tree",
    [
        [],
        {},
        {"list": 5},
        {"array": "9"},
        {"array": ["0"]},
        {"float": "abc"},
        {"float": "ff"},
        {"unknown": 1},
        {"dict": [[1]]},
        {"class": "os.system", "fields": {"command": "true"}},
        {"class": f"{__name__}.Undeclared", "fields": {"rounds": 1}},
        {"class": f"{__name__}.Memory", "fields": {"rounds": 1}},
        {"class": f"{__name__}.Memory"},
        {"dict": [[{"list": []}, 1]]},
    ],
    ids=json.dumps,
)
def test_what_nobody_wrote_is_refused(tree):
    with pytest.raises(ValueError, match=r"."):
        from_records({"0": np.zeros(1)}, tree)
