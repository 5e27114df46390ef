"""The state of a run: all that outlives a round, and enough for new objects to go on.

Each case plays five rounds in one piece, and again in two: three rounds, a state that
is stored, and two rounds by a new strategy, adversary, ClientApp and grid.
"""

from dataclasses import replace

import pytest
from flwr.app import ConfigRecord

from fedrobust.assembly import Experiment
from fedrobust.federation.adversary import Adversary
from fedrobust.federation.centralised import train_centralised
from fedrobust.federation.client import client_app
from fedrobust.federation.server import serve
from fedrobust.federation.state import RunState, restore, state_of
from fedrobust.runtime.local_grid import LocalGrid
from strategies import RobustStrategy
from strategies.rules import Mean
from strategies.state import ServerState
from strategies.transport.arrays import pack_all
from strategies.transport.grids import WrappedGrid
from tests.states import bits, stored

BASE = (
    "num_clients=7", "num_byzantine=2", "dataset.num_train=210",
    "training.local_steps=2", "partition=dirichlet", "model=mlp", "model.hidden=[8]",
)  # fmt: skip
FEDERATIONS = {
    "flanders, mimic": (
        "strategy=flanders", "strategy.rule.window=3", "byzantine=mimic",
        "byzantine.warmup=5",
    ),
    "fldetector, momentum, alie": (
        "strategy=fldetector", "strategy.rule.window=2", "training.momentum=0.5",
        "byzantine=alie",
    ),
    "scaffold with participation": (
        "strategy=mean", "training.scaffold=true", "participation=0.6",
        "byzantine=none",
    ),
    "server adam, neurotoxin, participation": (
        "strategy=mean", "strategy/server_optimizer=adam", "byzantine=neurotoxin",
        "participation=0.8",
    ),
    "centered clipping, momentum, a late attack that watches": (
        "strategy=centered_clipping", "byzantine=flanders_baseline/fang",
        "byzantine_from_round=4", "training.momentum=0.9",
    ),
    "foolsgold, sgd with momentum": (
        "strategy=foolsgold", "byzantine=sign_flip",
        "strategy.server_optimizer.momentum=0.9",
    ),
}  # fmt: skip
ROUNDS, HALF = 5, 3


@pytest.fixture
def play(configure, monkeypatch):
    """Play rounds of an experiment up to one of them, from the start or a state."""

    def play(overrides, last, state=None) -> RunState:
        config = configure(*BASE, *overrides, f"num_rounds={ROUNDS}")
        ends = []

        def start(strategy, grid, initial_arrays, **_):
            adversary = adversary_in(grid)
            arrays, first = initial_arrays, 1
            if state is not None:
                restore(state, strategy, adversary, nodes)
                arrays, first = pack_all(state.arrays), state.round + 1
            for round in range(first, last + 1):
                messages = strategy.configure_train(round, arrays, ConfigRecord(), grid)
                replies = grid.send_and_receive(messages)
                found, _ = strategy.aggregate_train(round, replies)
                assert strategy.last_round.failed == {}
                arrays = arrays if found is None else found
            ends.append(state_of(strategy, adversary, nodes))

        monkeypatch.setattr(RobustStrategy, "start", start)
        with LocalGrid(
            client_app(Experiment(config)), config.num_clients, workers=2
        ) as nodes:
            serve(nodes, Experiment(config), lambda *_: None, [].append)
        return ends[0]

    return play


def adversary_in(grid) -> Adversary | None:
    """Find the adversary in a stack of grids."""
    while isinstance(grid, WrappedGrid):
        if isinstance(grid, Adversary):
            return grid
        grid = grid._grid
    return None


@pytest.mark.parametrize("name", FEDERATIONS)
def test_new_objects_go_on_from_a_stored_state_with_the_same_bits(name, play):
    overrides = FEDERATIONS[name]
    whole = play(overrides, ROUNDS)
    half = play(overrides, HALF)
    read = stored(half)
    assert bits(read) == bits(half)
    assert (read.round, whole.round) == (HALF, ROUNDS)
    assert bits(play(overrides, ROUNDS, read)) == bits(whole)


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("fldetector, momentum, alie", "clients"),
        ("scaffold with participation", "clients"),
        ("server adam, neurotoxin, participation", "clients"),
        ("centered clipping, momentum, a late attack that watches", "collusion"),
    ],
)
def test_each_part_of_the_state_is_needed(name, lost, play):
    """The test above would see it if this part were lost."""
    half = play(FEDERATIONS[name], HALF)
    assert getattr(half, lost) != {}
    whole = play(FEDERATIONS[name], ROUNDS, half)
    other = play(FEDERATIONS[name], ROUNDS, replace(half, **{lost: {}}))
    assert bits(other.arrays) != bits(whole.arrays)


def test_what_clients_keep_is_not_lost_where_no_grid_holds_it():
    kept = RunState(clients={0: {}, 3: {}})
    with pytest.raises(ValueError, match="of 2 clients, and no grid is given"):
        restore(kept, RobustStrategy(rule=Mean()))
    restore(RunState(), RobustStrategy(rule=Mean()))


AFTER_ONE = ServerState(round=1)


def test_what_was_spent_is_part_of_the_state(configure):
    experiment = Experiment(configure(*BASE, "strategy=mean", "privacy=client_dp"))
    strategy, ledger = RobustStrategy(rule=Mean()), experiment.ledger()
    ledger.record(1, [0])
    found = stored(replace(state_of(strategy, ledger=ledger), server=AFTER_ONE))
    other = experiment.ledger()
    restore(found, RobustStrategy(rule=Mean()), ledger=other)
    for each in (ledger, other):
        each.record(1, [0])
        each.record(2, [0])
    assert other.counts == ledger.counts
    assert other.epsilon() == ledger.epsilon()


OPTIMIZERS = {
    "adam": ["training.optimizer={_target_: keras.optimizers.Adam}"],
    "sgd": [],
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_centralised_training_goes_on_with_its_optimiser(optimizer, configure):
    def play(last, before=None):
        config = configure(
            "centralised=true", "dataset.num_train=210", "training.local_steps=3",
            "model=mlp", "model.hidden=[8]", "num_byzantine=0", f"num_rounds={last}",
            *OPTIMIZERS[optimizer],
        )  # fmt: skip
        rounds = []
        found = train_centralised(
            Experiment(config),
            lambda report, arrays, _: rounds.append(report.round),
            before,
        )
        return found, rounds

    (whole, _), (half, _) = play(ROUNDS), play(HALF)
    read = stored(half)
    assert bits(read) == bits(half)
    later, rounds = play(ROUNDS, read)
    assert rounds == [4, 5]
    assert bits(later) == bits(whole)
    # A state whose rounds are over already is returned as it is.
    assert bits(play(HALF, whole)) == bits((whole, []))
    if optimizer == "adam":
        anew, _ = play(ROUNDS, replace(half, optimizer=None))
        assert bits(anew.arrays) != bits(whole.arrays)
