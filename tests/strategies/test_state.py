"""The state of a strategy: all that outlives a round, and enough to go on from."""

from dataclasses import fields, replace

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord

from fedrobust.runtime.flower import identify_process
from strategies import RobustStrategy
from strategies.preaggregators import ARC, NNM, Bucketing, Clipping
from strategies.rules import CenteredClipping, FLDetector, Median
from strategies.server_optimizers import SGD, Adagrad, Adam, Yogi
from strategies.state import RosterState, ServerState
from strategies.transport.arrays import pack_all
from tests.own_postprocessors import Momentum, Noise
from tests.states import bits, stored
from tests.strategies.federation import RULES, train_on_root
from tests.strategies.one_round import NODE, record, replies_of

NUM_CLIENTS = 7
START = record(w=np.linspace(-1, 1, 30), b=np.zeros(10))


def strategy_of(**kwargs) -> RobustStrategy:
    identify_process()
    ids = {NODE + client: client for client in range(NUM_CLIENTS)}
    return RobustStrategy(client_ids=ids, train_on_root=train_on_root, **kwargs)


def play(strategy, arrays: ArrayRecord, rounds: range) -> ArrayRecord:
    """Run rounds in which clients of their own seeds move; client 2 is far off."""
    for round in rounds:
        list(strategy.configure_train(round, arrays, ConfigRecord(), None))
        models = []
        for client in range(NUM_CLIENTS):
            rng = np.random.default_rng([client, round])
            size = 20 if client == 2 else 1
            steps = {
                name: array.numpy() + size * rng.normal(size=array.shape)
                for name, array in arrays.items()
            }
            models.append(record(**steps))
        # In round 4 client 5 does not answer: its part of a state goes on.
        replies = replies_of(models, round=round)
        arrays, _ = strategy.aggregate_train(
            round, [r for i, r in enumerate(replies) if (round, i) != (4, 5)]
        )
    return arrays


CASES = [
    *({"rule": rule} for rule in RULES),
    *(
        {"rule": FLDetector(window=2, rule=CenteredClipping()), "preaggregators": [p]}
        for p in (NNM(f=1), Clipping(c=1.0), ARC(f=1))
    ),
    {"rule": CenteredClipping(), "preaggregators": [Bucketing(s=2)]},
    *(
        {"rule": Median(), "server_optimizer": optimizer}
        for optimizer in (SGD(momentum=0.9), Adagrad(), Adam(), Yogi())
    ),
    {"rule": Median(), "postprocessors": [Momentum(), Noise(scale=0.1), Momentum()]},
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(list(case.values())))
def test_a_new_strategy_goes_on_from_a_stored_state_with_the_same_bits(case):
    whole, first = strategy_of(**case), strategy_of(**case)
    expected = play(whole, START, range(1, 6))
    play(first, START, range(1, 4))
    state = stored(first.state())
    assert bits(state) == bits(first.state())
    assert state.round == 3
    later = strategy_of(**case)
    later.restore(state)
    found = play(later, pack_all(state.arrays), range(4, 6))
    assert {n: a.data for n, a in found.items()} == {
        n: a.data for n, a in expected.items()
    }
    assert bits(later.state()) == bits(whole.state())


def test_without_the_state_of_the_rule_other_bits_come_out():
    # The test above would see a state that is lost.
    case = {"rule": CenteredClipping(), "server_optimizer": Adam()}
    whole, first = strategy_of(**case), strategy_of(**case)
    expected = play(whole, START, range(1, 6))
    play(first, START, range(1, 4))
    for lost in ("rule", "server_optimizer"):
        later = strategy_of(**case)
        later.restore(replace(first.state(), **{lost: None}))
        found = play(later, pack_all(first.state().arrays), range(4, 6))
        assert found["w"].data != expected["w"].data


def test_the_state_is_that_of_the_last_round_that_is_over():
    strategy = strategy_of(rule=CenteredClipping())
    assert bits(strategy.state()) == bits(ServerState())
    arrays = play(strategy, START, range(1, 3))
    before = strategy.state()
    assert before.round == 2
    np.testing.assert_array_equal(before.arrays["w"], arrays["w"].numpy())
    list(strategy.configure_train(3, arrays, ConfigRecord(), None))
    assert bits(strategy.state()) == bits(before)
    # A round that is skipped is over, too, and keeps the rest.
    strategy.aggregate_train(3, [])
    assert strategy.last_round.skipped
    assert bits(strategy.state()) == bits(replace(before, round=3))


def test_nothing_but_the_state_and_the_round_under_way_changes_in_a_round():
    strategy = strategy_of(rule=FLDetector(window=2), server_optimizer=Adam())
    before = dict(vars(strategy))
    play(strategy, START, range(1, 3))
    changed = {n for n, v in vars(strategy).items() if v is not before[n]}
    assert changed == {"_state", "_round"}
    # The roster is told its clients here; where it is not, all it keeps is its state.
    kept = vars(strategy.roster).keys() - {"client_ids", "num_clients"}
    settings = {"min_available_nodes", "_trusted", "_f", "_tell"}
    names = {f"_{field.name}" for field in fields(RosterState)} - {"_said", "_numbered"}
    assert kept - settings == names | {"_identities"}


def test_a_state_of_other_postprocessors_is_refused():
    first = strategy_of(rule=Median(), postprocessors=[Momentum(), Momentum()])
    play(first, START, range(1, 2))
    for parts in ([], [Momentum()]):
        later = strategy_of(rule=Median(), postprocessors=parts)
        with pytest.raises(
            ValueError, match="the state is one of 2 postprocessors, and"
        ):
            later.restore(first.state())
