"""Which learning rate each step takes: of schedules over rounds, and of one graph."""

from dataclasses import dataclass

import numpy as np
import pytest

from fedrobust.assembly import Experiment, forget
from fedrobust.backend import keras, tf
from fedrobust.network import Network
from fedrobust.one_run import run
from fedrobust.training import FreeTraining, LocalTraining, Objective, Standard, Trainer

OPTIMIZERS = (
    *("Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion"),
    *("Muon", "Nadam", "RMSprop", "SGD"),
)


def doubling():
    """A schedule of a user's own: 1, 2, 4, 8, ..., so that a sum names its steps."""

    class Doubling(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 2.0 ** tf.cast(step, tf.float32)

    return Doubling()


@dataclass(frozen=True, kw_only=True)
class FirstLogit(Objective):
    """Its gradient by the first bias is 1 in every step."""

    def loss(self, model, x, x_adv, y):
        return model(x_adv, training=True)[:, 0]


class FreeFirstLogit(FreeTraining):
    """The same, with two steps on each batch."""

    def loss(self, model, x, x_adv, y):
        return model(x_adv, training=True)[:, 0]


def trainer_of(optimizer, objective=None):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    return Trainer(Network(model), objective or FirstLogit(), optimizer)


def moved(trainer, size, local, round, together=False):
    """How far SGD moves the first bias: the sum of the rates of its steps."""
    x, y = np.zeros((size, 3), np.float32), np.zeros(size, np.int32)
    arrays = trainer.network.arrays()
    if together:
        found = trainer.train_together(
            arrays, {0: (x, y), 1: (x, y)}, local, seed=0, round=round
        )[1]
    else:
        found, _ = trainer.train(arrays, x, y, local, seed=0, round=round, client=1)
    bias = trainer.network.trainable[1]
    return float(arrays[bias][0] - found.arrays[bias][0])


# Of two steps a round the rates are 1 + 2, 4 + 8, 16 + 32.
@pytest.mark.parametrize("together", [False, True], ids=["alone", "together"])
@pytest.mark.parametrize(
    ("local", "size", "sums"),
    [
        (LocalTraining(local_steps=2, batch_size=1), 3, [3, 12, 48]),
        (LocalTraining(local_epochs=1, batch_size=2), 4, [3, 12, 48]),
        (LocalTraining(local_epochs=1, batch_size=2), 2, [1, 2, 4]),
        # Passes of two batches: two, then one, then one.
        (
            LocalTraining(local_epochs=2, batch_size=2, epochs_decay=0.5),
            3,
            [15, 48, 192],
        ),
    ],
    ids=["steps", "epochs", "smaller client", "fewer passes"],
)
def test_a_schedule_goes_on_over_the_rounds(local, size, sums, together):
    trainer = trainer_of(keras.optimizers.SGD(doubling()))
    for round, expected in enumerate(sums, 1):
        assert moved(trainer, size, local, round, together) == expected


def test_steps_that_replay_a_batch_count_too():
    trainer = trainer_of(keras.optimizers.SGD(doubling()), FreeFirstLogit(replays=2))
    local = LocalTraining(local_steps=1, batch_size=2)
    assert [moved(trainer, 4, local, round) for round in (1, 2, 3)] == [3, 12, 48]


def test_a_kept_state_counts_its_own_steps():
    trainer = trainer_of(keras.optimizers.SGD(doubling()))
    x, y = np.zeros((4, 3), np.float32), np.zeros(4, np.int32)
    local, state = LocalTraining(local_steps=2), None
    arrays, bias = trainer.network.arrays(), trainer.network.trainable[1]
    for round, expected in ((1, 3), (2, 12), (3, 48)):
        key = {"seed": 0, "round": round, "client": 0}
        found, state = trainer.train(arrays, x, y, local, state=state, **key)
        assert arrays[bias][0] - found.arrays[bias][0] == expected
        arrays = found.arrays


def test_the_moments_of_adam_are_new_in_each_round_and_its_rate_is_not():
    late = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.0, 0.1])
    local = LocalTraining(local_steps=2, batch_size=2)
    scheduled = trainer_of(keras.optimizers.Adam(late))
    constant = trainer_of(keras.optimizers.Adam(0.1))
    assert moved(scheduled, 4, local, 1) == 0
    assert moved(scheduled, 4, local, 2) == moved(constant, 4, local, 2) != 0


@pytest.mark.parametrize("cohort", [1, 2])
def test_a_run_follows_its_schedule(configure, tmp_path, cohort):
    """Of rates 0.1, 0.1, 0, 0, ... only the first of three rounds trains."""
    decay = (
        "{_target_: keras.optimizers.schedules.PiecewiseConstantDecay, "
        "boundaries: [1], values: [0.1, 0.0]}"
    )
    found = []
    for rounds in (1, 3):
        config = configure(
            "num_clients=2", f"num_rounds={rounds}", "dataset.num_train=40",
            "model.hidden=[4]", "training.local_steps=2", f"runtime.cohort={cohort}",
            f"training.optimizer.learning_rate={decay}",
        )  # fmt: skip
        run(config, tmp_path / str(rounds))
        model = keras.saving.load_model(tmp_path / str(rounds) / "model.keras")
        found.append(model.get_weights())
    start = Experiment(config).initial_arrays().values()
    assert any((a != b).any() for a, b in zip(start, found[0], strict=True))
    for once, thrice in zip(*found, strict=True):
        np.testing.assert_allclose(thrice, once, rtol=1e-6)


def test_another_schedule_is_another_digest_and_a_number_keeps_its_own(configure):
    schedule = (
        "training.optimizer.learning_rate={_target_: "
        "keras.optimizers.schedules.CosineDecay, initial_learning_rate: 0.1, "
        "decay_steps: 9}"
    )
    other = schedule.replace("decay_steps: 9", "decay_steps: 8")
    rate = "training.optimizer.learning_rate=0.1"
    assert configure().digest == configure(rate).digest
    assert len({configure(*c).digest for c in ([], [schedule], [other])}) == 3


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_graph_at_another_rate_has_the_bits_of_a_graph_of_its_own(name, digits):
    make = getattr(keras.optimizers, name)
    x, y, local = digits.x_train[:40], digits.y_train[:40], LocalTraining(local_steps=3)
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    network = Network(model)
    shared = Trainer(network, Standard(), make(0.01)).with_learning_rate(0.3)
    own = Trainer(network, Standard(), make(0.3))
    a, b = (
        trainer.train(network.arrays(), x, y, local, seed=0, round=1, client=0)[0]
        for trainer in (shared, own)
    )
    for key, values in a.arrays.items():
        np.testing.assert_array_equal(values, b.arrays[key])
        assert (values != network.arrays()[key]).any()


def test_a_sweep_over_rates_traces_one_graph(configure):
    forget()
    trainers = [
        Experiment(configure(f"training.optimizer.learning_rate={rate}")).trainer
        for rate in (0.1, 0.2, 0.1)
    ]
    assert trainers[0] is trainers[2] is not trainers[1]
    assert trainers[0]._run is trainers[1]._run


def test_only_a_constant_rate_can_be_changed_in_a_graph():
    with pytest.raises(ValueError, match="the learning rate of SGD is not a constant"):
        trainer_of(keras.optimizers.SGD(doubling())).with_learning_rate(0.1)
