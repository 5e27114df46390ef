"""Postprocessors between rule and server optimiser, by two that anybody could write."""

from dataclasses import dataclass

import numpy as np
import pytest
from flwr.app import ConfigRecord

from strategies.postprocessors import (
    Bounded,
    Postprocessed,
    Postprocessor,
    PostprocessorContext,
)
from strategies.postprocessors.base import bound, postprocess
from strategies.rules import Aggregate, Krum, Mean
from strategies.server_optimizers import SGD
from tests.own_postprocessors import Momentum, Noise
from tests.strategies import one_round
from tests.strategies.one_round import record, replies_of


@dataclass(frozen=True, kw_only=True)
class Wrong(Postprocessor):
    """Return what the round cannot use."""

    kind: str

    def postprocess(self, vector, state, context):
        wrong = {
            "shape": vector[:-1],
            "nan": vector * np.nan,
            "wide": vector.astype(np.float64) + 1e300,
        }
        return Postprocessed(wrong[self.kind])


def context_of(vector, **kwargs) -> PostprocessorContext:
    return PostprocessorContext(aggregate=Aggregate(vector=vector), **kwargs)


def test_they_are_applied_in_their_order_and_get_back_their_own_states():
    vector = np.array([1, -2], np.float32)
    parts, states = [Momentum(beta=0.5), Momentum(beta=1.0)], ()
    seen = []
    for _ in range(3):
        found, states, figures = postprocess(parts, states, context_of(vector))
        seen.append((found.tolist(), [f["length"] for f in figures]))
    # 1 1.5 1.75 for the first, and its sums for the second.
    assert seen == [
        ([1, -2], [3, 3]),
        ([2.5, -5], [4.5, 7.5]),
        ([4.25, -8.5], [5.25, 12.75]),
    ]
    assert [rounds for rounds, _ in states] == [3, 3]
    assert vector.tolist() == [1, -2]


@pytest.mark.parametrize("kind", ["shape", "nan", "wide"])
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_a_vector_that_is_no_update_skips_the_round_and_changes_no_state(kind):
    strategy = one_round.configured(
        *(Mean(), 3, record(w=[0, 0])),
        postprocessors=[Momentum(), Wrong(kind=kind)],
        server_optimizer=SGD(momentum=0.5),
    )
    arrays, _ = strategy.aggregate_train(1, replies_of([record(w=[1, 2])] * 3))
    assert arrays is None
    assert "it must be finite and of shape (2,)" in strategy.last_round.skipped
    assert strategy.state().postprocessors == ()
    assert strategy.state().server_optimizer is None


def test_the_strategy_applies_them_between_rule_and_server_optimiser():
    strategy = one_round.configured(
        *(Krum(f=1), 5, record(w=[0, 0])),
        absent=2,
        postprocessors=[Momentum(beta=0.5), Noise(scale=0.0)],
        server_optimizer=SGD(learning_rate=10.0),
    )
    models = [record(w=[v, v]) for v in (1, 2, 2, 2, 50)]
    arrays, _ = strategy.aggregate_train(1, replies_of(models))
    assert arrays["w"].numpy().tolist() == [20, 20]
    list(strategy.configure_train(2, arrays, ConfigRecord(), None))
    arrays, _ = strategy.aggregate_train(
        2, replies_of([record(w=[20 + v] * 2) for v in (1, 2, 2, 2, 50)], round=2)
    )
    # 0.5 x 2 + 2 = 3, ten times.
    assert arrays["w"].numpy().tolist() == [50, 50]
    assert strategy.last_round.postprocessed == [{"length": 6.0}, {"expected": 7}]
    (rounds, m), nothing = strategy.state().postprocessors
    assert (rounds, m.tolist(), nothing) == (2, [3, 3], None)
    # An attacker's preview is what the rule makes of the updates, without the noise.
    list(strategy.configure_train(3, arrays, ConfigRecord(), None))
    updates = np.full((5, 2), 4, np.float32)
    assert strategy.preview(updates, range(5), [10] * 5).tolist() == [4, 4]


def test_a_round_without_postprocessors_has_neither_states_nor_figures():
    strategy = one_round.configured(Mean(), 3, record(w=0))
    strategy.aggregate_train(1, replies_of([record(w=1)] * 3))
    assert strategy.state().postprocessors == ()
    assert strategy.last_round.postprocessed == []


@pytest.mark.parametrize("given", [Momentum(), [Mean()], "noise", None], ids=repr)
def test_what_is_no_list_of_postprocessors_is_refused(given):
    sentence = "must be a list in which each entry is a Postprocessor"
    with pytest.raises(ValueError, match=rf"^postprocessors=.*{sentence}$"):
        one_round.configured(Mean(), 2, record(w=0), postprocessors=given)


def test_its_own_parameters_are_validated_as_those_of_a_rule():
    with pytest.raises(ValueError, match=r"^beta=2: must be in \[0, 1\]$"):
        Momentum(beta=2)


@dataclass(frozen=True, kw_only=True)
class Layer(Postprocessor):
    """Note what passes, on either side of the rule, and change it."""

    add: float

    def bound(self, updates, state):
        return Bounded(updates + np.float32(self.add), float(updates.max()))

    def postprocess(self, vector, state, context):
        figures = {"seen": context.seen, "vector": float(vector[0])}
        return Postprocessed(vector * np.float32(self.add), self.add, figures)


def test_postprocessors_surround_the_rule_in_layers():
    updates = np.array([[1], [2]], np.float32)
    parts = [Layer(add=10), Momentum(), Layer(add=100)]
    rows, seen = bound(parts, (), updates)
    # The last one bounds the updates as they came, and the first what the rule sees.
    assert rows.tolist() == [[111], [112]]
    assert seen == [102, None, 2]
    context = context_of(np.array([3], np.float32))
    vector, states, figures = postprocess(parts, (), context, seen)
    assert vector.tolist() == [3000]
    assert figures[0] == {"seen": 102, "vector": 3}
    assert figures[2] == {"seen": 2, "vector": 30}
    assert (states[0], states[2]) == (10, 100)


class Dropping(Momentum):
    """Return fewer rows than there are clients."""

    def bound(self, updates, state):
        return Bounded(updates[1:])


def test_bounds_that_lose_a_client_skip_the_round():
    part = Dropping()
    strategy = one_round.configured(Mean(), 3, record(w=[0]), postprocessors=[part])
    arrays, _ = strategy.aggregate_train(1, replies_of([record(w=[1])] * 3))
    assert arrays is None
    assert "must be of shape (3, 1)" in strategy.last_round.skipped
