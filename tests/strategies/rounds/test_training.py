"""The training side of a round."""

import weakref

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord

from fedrobust.runtime.local_grid import LocalGrid
from strategies import RobustStrategy
from strategies.rules import Mean
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
