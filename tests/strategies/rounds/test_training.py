"""The training side of a round."""

import weakref

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord

from fedrobust.runtime.local_grid import FIRST_NODE_ID, LocalGrid
from strategies import RobustStrategy
from strategies.postprocessors import ClientDP
from strategies.rules import Krum, Mean
from strategies.sampling import poisson_clients
from strategies.transport.grids import HandOver
from tests.messages import global_arrays
from tests.strategies import one_round
from tests.strategies.federation import NUM_CLIENTS, federation
from tests.strategies.one_round import record


@pytest.mark.parametrize("dtype", ["c8", "V2"])
def test_arrays_that_nobody_would_aggregate_are_refused_before_the_first_round(dtype):
    # bfloat16 of other libraries is written as V2 by NumPy.
    arrays = ArrayRecord({"w": Array(np.zeros(2, dtype))})
    strategy = RobustStrategy(rule=Mean())
    with (
        LocalGrid(federation(), 2, workers=1) as grid,
        pytest.raises(ValueError, match=r"array 'w' has dtype .*must be floats"),
    ):
        strategy.start(grid, arrays, num_rounds=1)
    assert strategy.last_round is None


def test_a_round_that_was_not_configured_is_refused():
    strategy = one_round.configured(Mean(), 2, record(w=0))
    with pytest.raises(RuntimeError, match="round 2 was not configured"):
        strategy.aggregate_train(2, [])


def test_no_reply_is_left_when_the_rule_sees_the_updates():
    alive = []

    class Watching(Mean):
        def aggregate(self, updates, state, context):
            alive.append([r() is not None for r in references])
            return super().aggregate(updates, state, context)

    class Remembering(LocalGrid):
        def send_and_receive(self, messages, *, timeout=None):
            replies = super().send_and_receive(messages, timeout=timeout)
            references[:] = [weakref.ref(reply) for reply in replies]
            return replies

    references = []
    strategy = RobustStrategy(rule=Watching(), min_available_nodes=NUM_CLIENTS)
    with Remembering(federation(), NUM_CLIENTS, workers=2) as grid:
        strategy.start(HandOver(grid), global_arrays(), num_rounds=2)
    assert alive == [[False] * NUM_CLIENTS] * 2


@pytest.mark.parametrize("private", [False, True])
def test_poisson_rounds_train_whoever_is_drawn_and_may_draw_nobody(private):
    part = ClientDP(clip=1.0, noise_multiplier=1.0, expected_clients=1.4, seed=4)
    rounds, reports = 12, []

    def watch(round, arrays):
        if round > 0:
            reports.append(strategy.last_round)

    events: list[dict] = []
    strategy = RobustStrategy(
        rule=Mean(), fraction_train=0.2, sampling="poisson", fraction_evaluate=0.0,
        client_ids={FIRST_NODE_ID + c: c for c in range(NUM_CLIENTS)}, seed=4,
        num_clients=NUM_CLIENTS, postprocessors=[part] if private else [],
        on_event=events.append,
    )  # fmt: skip
    with LocalGrid(federation(), NUM_CLIENTS, workers=2) as grid:
        strategy.start(grid, global_arrays(), num_rounds=rounds, evaluate_fn=watch)
    expected = [poisson_clients(range(7), 0.2, 4, r) for r in range(1, rounds + 1)]
    assert [report.sampled for report in reports] == expected
    assert [report.accepted for report in reports] == expected
    nobody = [number for number, drawn in enumerate(expected, 1) if not drawn]
    # The key was chosen so that there are both.
    assert 0 < len(nobody) < rounds
    skipped = [] if private else nobody
    assert [report.round for report in reports if report.skipped] == skipped
    assert [(e["event"], e["round"]) for e in events] == [
        ("round skipped", number) for number in skipped
    ]
    if skipped:
        assert events[0]["reason"] == "no client was sampled"


def test_clients_that_poisson_sampling_does_not_draw_are_not_missing():
    ids = {"fraction_train": 0.5, "sampling": "poisson", "seed": 2}
    strategy = one_round.configured(Krum(f=2), 9, record(w=0), **ids)
    sampled = strategy.last_round.sampled
    # 2 f + 3 are not reached, and f is not lowered, as everybody who was asked replied.
    assert 2 < len(sampled) < 7
    replies = [
        reply
        for client, reply in enumerate(one_round.replies_of([record(w=1)] * 9))
        if client in sampled
    ]
    arrays, _ = strategy.aggregate_train(1, replies)
    assert arrays is None
    assert "needs at least 7 updates" in strategy.last_round.skipped
    strategy.check(9)
    with pytest.raises(ValueError, match="needs at least 7 updates, not 6"):
        strategy.check(6)


def test_a_way_of_sampling_that_is_unknown_is_refused():
    with pytest.raises(ValueError, match=r"^sampling='all': must be one of 'fixed'"):
        RobustStrategy(rule=Mean(), sampling="all")


@pytest.mark.parametrize("sampling", ["fixed", "poisson"])
def test_the_sampling_may_have_a_key_of_its_own(sampling):
    def drawn(**seeds):
        strategy = one_round.configured(
            *(Mean(), 40, record(w=0)), fraction_train=0.5, sampling=sampling, **seeds
        )
        return strategy.last_round.sampled

    assert drawn(seed=1, sampling_seed=2**100) == drawn(seed=2, sampling_seed=2**100)
    assert drawn(seed=1) == drawn(seed=2, sampling_seed=1) != drawn(seed=2)
    with pytest.raises(ValueError, match=r"^sampling_seed=-1: must be at least 0"):
        drawn(sampling_seed=-1)
