"""The next global arrays, previews of them, and rounds that are skipped."""

import pickle

import numpy as np
import pytest
from flwr.app import ConfigRecord

from strategies.preaggregators import NNM, Clipping
from strategies.rules import Aggregate, FLTrust, Krum, Mean, MoNNA
from strategies.server_optimizers import SGD
from strategies.updates import add
from tests.hostile import GOOD, with_weight
from tests.strategies import one_round
from tests.strategies.federation import (
    BAD,
    METRICS,
    NUM_CLIENTS,
    every_rule,
    federation,
    one_value_round,
    prepared,
    random_models,
    sends,
    start,
    train_on_root,
)
from tests.strategies.one_round import record, replies_of


def test_the_root_update_is_trained_once_a_round_on_that_rounds_arrays():
    asked: list[tuple[int, float]] = []

    def root(round, arrays):
        asked.append((round, float(arrays["w"][0])))
        return {"w": arrays["w"] + np.array([0, 2], np.float32)}

    # FLTrust's hand-worked case: (0.96, 3.28) / 1.8.
    updates = [(0, 4), (3, 4), (0, -1), (7, 0)]
    step = np.array([0.96 / 1.8, 3.28 / 1.8], np.float32)
    strategy = one_round.configured(FLTrust(), 4, record(w=[0, 0]), train_on_root=root)
    for _ in range(2):
        preview = strategy.preview(np.array(updates, np.float32), range(4), [10] * 4)
        np.testing.assert_allclose(preview, step, rtol=1e-6)
    arrays, _ = strategy.aggregate_train(1, replies_of([record(w=u) for u in updates]))
    np.testing.assert_allclose(arrays["w"].numpy(), step, rtol=1e-6)
    assert asked == [(1, 0.0)]
    # The cosine of (7, 0) is 0: it is left out, as is (0, -1); 0.8 / 1.8 is not below
    # half of 1 / 4.
    assert strategy.last_round.excluded == [2, 3]
    list(strategy.configure_train(2, arrays, ConfigRecord(), None))
    strategy.preview(np.array(updates, np.float32), range(4), [10] * 4)
    assert asked == [(1, 0.0), (2, float(step[0]))]


def test_a_rule_without_need_of_root_data_never_trains_on_it(rng):
    def root(round, arrays):
        raise AssertionError("nobody asked for it")

    initial = record(w=np.zeros(30), b=np.zeros(10))
    strategy = one_round.configured(Krum(f=1), 7, initial, train_on_root=root)
    arrays, _ = strategy.aggregate_train(1, replies_of(random_models(rng)))
    assert arrays is not None


@every_rule
@pytest.mark.parametrize("chain", [(), (Clipping(c=3.0), NNM(f=1))], ids=repr)
def test_a_preview_changes_no_state_and_is_what_is_then_applied(rule, chain, rng):
    strategy = prepared(rule, preaggregators=chain)
    old = {"w": np.zeros(30, np.float32), "b": np.zeros(10, np.float32)}
    for round in range(1, 5):
        models = random_models(rng)
        trained = [{n: old[n] + m[n].numpy() for n in old} for m in models]
        updates = np.stack(
            [np.concatenate([t[n] - old[n] for n in old]) for t in trained]
        )
        before = pickle.dumps((strategy.rule_state, strategy.server_state))
        given = updates.copy()
        first = strategy.preview(updates, range(NUM_CLIENTS), [10] * NUM_CLIENTS)
        # Another preview, of something else, must not matter either.
        strategy.preview(-updates, range(NUM_CLIENTS), [10] * NUM_CLIENTS)
        second = strategy.preview(updates, range(NUM_CLIENTS), [10] * NUM_CLIENTS)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(updates, given)
        assert pickle.dumps((strategy.rule_state, strategy.server_state)) == before
        replies = replies_of([record(**t) for t in trained], round=round)
        arrays, _ = strategy.aggregate_train(round, replies)
        expected = add(old, first, list(old))
        old = {name: arrays[name].numpy() for name in old}
        for name in old:
            np.testing.assert_array_equal(old[name], expected[name])
        list(strategy.configure_train(round + 1, arrays, ConfigRecord(), None))


class Picky(Mean):
    """A rule that is undefined for its second round, and counts the others."""

    def aggregate(self, updates, state, context):
        if context.round == 2:
            raise ValueError("round 2 is not to my taste")
        found = super().aggregate(updates, state, context)
        return Aggregate(vector=found.vector, state=(state or 0) + 1)


def test_a_rule_that_is_undefined_for_a_round_skips_it_and_goes_on():
    optimizer = SGD(momentum=0.5)
    result, strategy, events = start(
        federation(), num_rounds=3, rule=Picky(), server_optimizer=optimizer
    )
    assert [(e["event"], e["round"], e["client"]) for e in events] == [
        ("round skipped", 2, None)
    ]
    assert events[0]["reason"] == "round 2 is not to my taste"
    # Momentum and state are as round 1 left them: 1.03, then 1.03 + 0.5 * 1.03.
    assert strategy.rule_state == 2
    expected = 1.03 + 1.545
    np.testing.assert_allclose(result.arrays["weight"].numpy(), expected, rtol=1e-6)


def test_a_rule_whose_trusted_client_is_quarantined_skips_the_round():
    nan = sends({"arrays": with_weight(GOOD * np.nan), "metrics": METRICS})
    rule = MoNNA(f=1, trusted=BAD)
    _, strategy, events = start(federation(nan), num_rounds=1, rule=rule)
    assert f"client {BAD} sent no update" in strategy.last_round.skipped
    assert [e["event"] for e in events] == ["quarantined", "round skipped"]


def test_root_training_that_diverges_costs_its_round_only():
    def root(round, arrays):
        if round == 1:
            raise ArithmeticError("diverged")
        return train_on_root(round, arrays)

    events: list[dict] = []
    strategy = one_round.configured(
        FLTrust(), 3, record(w=[0]), events, train_on_root=root
    )
    arrays, _ = strategy.aggregate_train(1, replies_of([record(w=[1])] * 3))
    assert arrays is None
    assert [(e["event"], e["reason"]) for e in events] == [
        ("round skipped", "diverged")
    ]
    list(strategy.configure_train(2, record(w=[0]), ConfigRecord(), None))
    arrays, _ = strategy.aggregate_train(2, replies_of([record(w=[1])] * 3, round=2))
    assert arrays["w"].numpy() == pytest.approx(1)


def test_a_server_step_that_is_not_finite_is_skipped():
    optimizer = SGD(learning_rate=3e38)
    with np.errstate(over="ignore"):
        report = one_value_round(Mean(), [2, 2], server_optimizer=optimizer)
    assert report.skipped == "the server step would not be finite"
