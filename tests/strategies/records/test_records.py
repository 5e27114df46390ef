"""Values as arrays and JSON: every bit comes back, and nothing else does."""

import math
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from numpy.typing import NDArray

from fedrobust.federation.state import RunState
from strategies.records import from_records, storable, to_records
from strategies.records.field_types import wrong_field
from strategies.state import ServerState
from tests.states import bits, stored

NAN_WITH_PAYLOAD = struct.unpack(">d", bytes.fromhex("fff8000000000abc"))[0]


@storable
@dataclass(frozen=True)
class Memory:
    """A state of a rule that somebody wrote."""

    rounds: int
    kept: object


@storable
@dataclass(frozen=True)
class Picky:
    """A state that checks itself."""

    share: float

    def __post_init__(self) -> None:
        if self.share > 1:
            raise ValueError("above 1")


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
    # Not of the value, whose text may hold an address.
    ids=lambda text: text if isinstance(text, str) else "",
)
def test_what_could_not_come_back_is_refused_by_its_place(value, reason):
    with pytest.raises(ValueError, match=reason):
        to_records(value)


def node(cls: str, **own: object) -> dict[str, object]:
    return {"class": f"{__name__}.{cls}", "fields": own}


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ([], r"^state cannot be \[\]$"),
        ({}, r"^state cannot be \{\}$"),
        (math.inf, "^state cannot be inf"),
        ({"list": 5}, "^state cannot be {'list': 5}"),
        ({"list": "abc"}, "^state cannot be {'list': 'abc'}"),
        ({"tuple": {"list": []}}, "^state cannot be"),
        ({"list": [], "more": 1}, "^state cannot be"),
        ({"list": [1, {"dict": {}}]}, r"^state\[1\] cannot be"),
        ({"array": "9"}, "^state is array '9', which is not among the arrays"),
        ({"array": ["0"]}, r"^state is array \['0'\]"),
        ({"array": "objects"}, "^state is array 'objects'"),
        ({"scalar": "0"}, r"^state is an array of shape \(1,\): must be a scalar"),
        ({"float": "abc"}, "^state cannot be 'abc'"),
        ({"float": "ff"}, "^state cannot be"),
        ({"float": "3ff0000000000000"}, "^state cannot be"),
        ({"bytes": "0 0"}, "^state cannot be '0 0'"),
        ({"bytes": "AB"}, "^state cannot be 'AB'"),
        ({"unknown": 1}, "^state cannot be"),
        ({"dict": [[1]]}, r"^an item of state cannot be \[1\]"),
        ({"dict": ["ab"]}, "^an item of state cannot be 'ab'"),
        ({"dict": [[{"list": []}, 1]]}, "^a key of state cannot be"),
        ({"dict": [["a", 1], ["a", 2]]}, "^state has the key 'a' twice"),
        (
            {"class": "os.system", "fields": {"command": "true"}},
            "^state is of class 'os.system', which is not @storable",
        ),
        (node("Undeclared", rounds=1), "Undeclared', which is not @storable"),
        (node("Memory", rounds=1), r"^state must have the fields \['rounds', 'kept'\]"),
        (node("Memory", rounds=1, kept=1, more=1), "^state must have the fields"),
        (node("Memory", rounds="1", kept=1), "^state.rounds is '1': must be int, as M"),
        (node("Memory", rounds=True, kept=1), "^state.rounds is True: must be int"),
        ({"list": [node("Picky", share=2.0)]}, r"^state\[0\] is no .*: above 1$"),
        ({"class": f"{__name__}.Memory"}, "^state cannot be"),
    ],
    ids=str,
)
def test_what_nobody_wrote_is_refused_by_its_place(tree, reason):
    arrays = {"0": np.zeros(1), "objects": np.array([None])}
    with pytest.raises(ValueError, match=reason):
        from_records(arrays, tree)


def test_values_that_are_deep_or_a_part_of_themselves_are_refused_both_ways():
    cyclic: list[object] = []
    cyclic.append(cyclic)
    with pytest.raises(ValueError, match=r"^state\[0\]\[0\].* more than 100 levels"):
        to_records(cyclic)
    tree: object = 1
    for _ in range(100):
        tree = {"list": [tree]}
    assert bits(stored(from_records({}, tree))) == bits(from_records({}, tree))
    with pytest.raises(ValueError, match=r"^state\[0\]\[0\].* more than 100 levels"):
        from_records({}, {"list": [tree]})


def test_a_field_of_another_kind_is_refused_before_it_is_stored():
    with pytest.raises(ValueError, match=r"^state\.rounds is 1\.5: must be int"):
        to_records(Memory(1.5, None))
    stored(Memory(np.int64(3), None))


def test_states_of_ours_hold_what_they_declare():
    for broken, place in [
        (RunState(server=7), "server is 7: must be .*ServerState"),
        (RunState(clients={"0": {}}), "clients is .*: must be dict"),
        (RunState(optimizer=[1.0]), "optimizer is .*: must be list"),
        (RunState(server=ServerState(postprocessors=[])), r"server\.postprocessors is"),
        (RunState(server=ServerState(arrays={"w": 1.0})), r"server\.arrays is"),
    ]:
        with pytest.raises(ValueError, match=rf"^state\.{place}"):
            to_records(broken)


@dataclass
class Various:
    """Annotations of every kind that is judged, and of some that are not."""

    whole: int | None
    real: float
    pair: tuple[int, str]
    several: Sequence[tuple[int, ...]]
    table: Mapping[str, list[float]]
    array: NDArray[np.float32]
    choice: Literal["a"]
    nothing: None


FITTING = {
    "whole": [1, np.int64(1), None],
    "real": [1.5, 1, np.float32(1)],
    "pair": [(1, "a")],
    "several": [[(1, 2, 3), ()], ()],
    "table": [{"a": [1.0]}, {}],
    "array": [np.zeros(2)],
    "choice": ["b"],  # not judged
    "nothing": [None],
}
OTHER = {
    "whole": [True, 1.0, "1"],
    "real": [True, "1", None],
    "pair": [(1,), (1, 2), [1, "a"], (1, "a", "b")],
    "several": [[(1, "2")], 3, [1]],
    "table": [{1: [1.0]}, {"a": 1.0}, {"a": ["b"]}],
    "array": [[0.0], 1.0],
    "nothing": [0],
}


def test_a_field_holds_what_its_annotation_says():
    for name, values in FITTING.items():
        for value in values:
            assert wrong_field(Various, {name: value}) is None, (name, value)
    for name, values in OTHER.items():
        for value in values:
            found = wrong_field(Various, {name: value})
            assert found is not None, (name, value)
            assert found[0] == name
