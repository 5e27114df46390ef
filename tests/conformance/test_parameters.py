"""Every hyper-parameter of every member is of the kind that it is declared to be."""

import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import numpy as np
import pytest

from fedrobust import training
from fedrobust.data.partition import (
    Dirichlet,
    DirichletPerClient,
    Iid,
    LabelSorted,
    NaturalId,
    Pathological,
    Shards,
)
from fedrobust.epsilon import Epsilon
from fedrobust.training import Objective
from strategies.preaggregators import Preaggregator
from strategies.rules import Krum, Mean, MultiKrum, Rule, TrimmedMean
from strategies.server_optimizers import SGD, Adagrad, Adam, Yogi
from strategies.validation import ANY_FLOAT, Validated
from tests.conformance.attackers import (
    COLLUSIONS,
    POISONINGS,
    TAMPERINGS,
)
from tests.conformance.members import MEMBERS, PREAGGREGATORS

# Every objective that the package exports.
OBJECTIVES = [
    cls()
    for name in training.__all__
    if isinstance(cls := getattr(training, name), type) and issubclass(cls, Objective)
]
EVERYTHING = [
    *(member.rule for member in MEMBERS),
    *PREAGGREGATORS,
    *(SGD(), Adagrad(), Adam(), Yogi()),
    *COLLUSIONS,
    *TAMPERINGS,
    *POISONINGS,
    *(
        Iid(),
        Dirichlet(),
        DirichletPerClient(),
        Shards(),
        Pathological(),
        LabelSorted(),
    ),
    NaturalId(),
    *OBJECTIVES,
]
# What is not of a kind, though it may look like it.
WRONG: dict[Any, list[Any]] = {
    int: [0.5, 1.0, True, "1", np.float64(1), np.array(1), [1], 1j],
    float: [True, "0.1", 1j, float("nan"), float("inf"), 10**400, [0.1], np.array(0.1)],
    bool: ["false", 0, 1.0, np.array(True)],
    str: [3, b"paper", True],
    Rule: ["strategies.rules.Mean", Mean],
    Epsilon: [True, 1j, float("nan"), float("inf"), [0.1]],
}


def kinds_of(cls: type) -> dict[str, tuple[Any, bool]]:
    """The kind of each field, and whether it may be None."""
    found = {}
    for name, hint in get_type_hints(cls).items():
        if name not in {f.name for f in fields(cls)}:
            continue
        parts = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        optional = types.NoneType in parts
        ((kind,),) = [[hint]] if hint == Epsilon else [set(parts) - {types.NoneType}]
        found[name] = kind, optional
    return found


PARAMETERS = [
    (member, name, *kind)
    for member in EVERYTHING
    for name, kind in kinds_of(type(member)).items()
]


@pytest.mark.parametrize(("member", "name", "kind", "optional"), PARAMETERS, ids=repr)
def test_a_value_of_another_kind_is_refused_when_made(member, name, kind, optional):
    (of,) = [f for f in fields(member) if f.name == name]
    for value in [*WRONG[kind], *([] if optional else [None])]:
        if of.metadata == ANY_FLOAT and isinstance(value, float):
            replace(member, **{name: value})
            continue
        with pytest.raises(ValueError, match=f"^{name}="):
            replace(member, **{name: value})


@pytest.mark.parametrize("member", EVERYTHING, ids=repr)
def test_numpy_scalars_are_python_numbers(member):
    numbers = {
        f.name: np.array(getattr(member, f.name))[()]
        for f in fields(member)
        if isinstance(getattr(member, f.name), bool | int | float)
    }
    made = replace(member, **numbers)
    assert repr(made) == repr(member)
    assert "np." not in repr(made)


def test_an_integer_is_a_number():
    assert SGD(learning_rate=1).learning_rate == 1
    assert training.TRADES(beta=6, epsilon=1).beta == 6


def test_every_objective_that_a_user_can_choose_is_here():
    texts = [path.read_text() for path in Path("conf/training").glob("*.yaml")]
    chosen = {
        name
        for text in texts
        for name in re.findall(r"_target_: fedrobust\.training\.(\w+)", text)
    }
    assert {type(objective).__name__ for objective in OBJECTIVES} >= chosen
    assert len(chosen) >= 10


def test_an_objective_of_ones_own_is_checked_too():
    @dataclass(frozen=True, kw_only=True)
    class Mine(Objective):
        weight: float = 1.0

        def __post_init__(self) -> None:
            assert self.weight >= 0, "checked before"

    class Plain(Objective):
        """No dataclass: its constructor is its own affair."""

        def __init__(self, anything: int) -> None:
            self.anything = anything

    assert Mine(weight=2).weight == 2
    with pytest.raises(ValueError, match=r"^weight='2': must be a finite number$"):
        Mine(weight="2")
    assert Plain("text").anything == "text"


def test_the_bound_is_named_in_one_sentence():
    for make, sentence in (
        (lambda: TrimmedMean(f=0.2), "f=0.2: must be an integer"),
        (lambda: Krum(f=1.0), "f=1.0: must be an integer"),
        (lambda: MultiKrum(m="2"), "m='2': must be an integer or null"),
        (lambda: Mean(weighted="false"), "weighted='false': must be true or false"),
        (lambda: SGD(momentum=float("nan")), "momentum=nan: must be a finite number"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
            make()


@dataclass(frozen=True, kw_only=True)
class Own(Preaggregator):
    """A user's member that overrides __post_init__ and never calls the one above."""

    pair: tuple[float, int] = (0.0, 1)
    mode: Literal["a", "b"] = "a"
    anything: Any = None
    names: tuple[str, ...] = ()
    sizes: Mapping[str, int] | None = None
    function: Callable[[int], int] = abs
    count: int = field(default=1)

    def __post_init__(self) -> None:
        assert self.count > 0, "checked before"

    def preaggregate(self, updates, context):
        return updates.copy()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": "x"}, "count='x': must be an integer"),
        ({"pair": (0.0, float("inf"))}, r"must be \(a finite number, an integer\)"),
        ({"pair": (0.0,)}, "pair="),
        ({"pair": "01"}, "pair="),
        ({"mode": "c"}, "mode='c': must be one of 'a', 'b'"),
        ({"names": "ab"}, "names='ab': must be a list in which each entry is a string"),
        ({"names": ["a", 1]}, "names="),
        ({"names": None}, "names="),
        ({"sizes": [("a", 1)]}, "sizes="),
        ({"sizes": {"a": 0.5}}, "key is a string and each value an integer or null"),
        ({"function": "abs"}, "function='abs': must be a function"),
    ],
)
def test_no_member_can_forget_the_check(values, message):
    assert Own(pair=[1, 2], anything=object()).pair == [1, 2]
    Own(names=["a", "b"], sizes={"a": 1}, function=lambda x: x)
    with pytest.raises(ValueError, match=message):
        Own(**values)


def test_an_annotation_that_cannot_be_evaluated_is_not_checked():
    @dataclass
    class Late(Validated):
        a: "NotImported" = 1  # noqa: F821
        b: int = 1

    Late(a="anything")
    # The other one is a type of its own, so it is checked all the same.
    with pytest.raises(ValueError, match="b='x'"):
        Late(b="x")
