"""Every optimiser is checked before the first job, without importing Keras."""

import inspect

import pytest

from fedrobust.assembly import Experiment
from fedrobust.assembly.cache import component_of
from fedrobust.assembly.trainers import with_floats
from fedrobust.config import load_config
from fedrobust.config.compose import compose_run
from fedrobust.config.optimizers import OTHER, REQUIRED, arguments_of
from fedrobust.errors import ConfigError

KEY = "training.optimizer"
SCHEDULE = "keras.optimizers.schedules"
WRONG = {
    f"{KEY}.learning_rate=0": "learning_rate=0: must be a number above 0",
    f"{KEY}.learning_rate=true": "above 0",
    f"{KEY}.learning_rate=1{400 * '0'}": "above 0",
    f"{KEY}.learning_rate=null": "above 0",
    f"{KEY}.learning_rate=.inf": "above 0",
    f"+{KEY}.momentum=1.5": "momentum=1.5: must be a number in [0, 1]",
    f"+{KEY}.nesterov=1": "nesterov=1: must be true or false",
    f"+{KEY}.clipvalue=[x]": "clipvalue=['x']: must be a number above 0",
    f"+{KEY}.clipvale=1": "did you mean 'clipvalue'",
    f"+{KEY}.use_ema=true": "use_ema=True: must be left out",
    f"+{KEY}.name=3": "name=3: must be a string",
    f"{KEY}._target_=keras.layers.Dense": "must be in keras.optimizers",
    f"{KEY}._target_=tensorflow.keras.optimizers.Adam": "keras.optimizers.Adam",
    f"{KEY}.learning_rate={{_target_:{SCHEDULE}.CosineDecay,decay_steps:9}}": (
        "learning_rate.initial_learning_rate is not set"
    ),
    f"{KEY}.learning_rate={{_target_:{SCHEDULE}.CosineDecay,decay_stps:9}}": (
        "did you mean 'decay_steps'"
    ),
    f"{KEY}.learning_rate={{_target_:os.system,command:x}}": "Hydra forbids",
    "strategy.server_optimizer.learning_rate=0": "learning_rate=0.0: must be",
    "strategy.server_optimizer.momentum=1": "momentum=1.0: must be",
}


@pytest.mark.parametrize("override", WRONG)
def test_a_wrong_argument_is_refused(override, configure):
    with pytest.raises(ConfigError) as refused:
        configure(override)
    assert WRONG[override] in str(refused.value)
    assert "\n" not in str(refused.value)


# Where one of these changes, results that are stored under it are lost.
DIGESTS = {
    (f"{KEY}.learning_rate=1",): "c4510fd260756b95",
    (f"{KEY}.learning_rate=0.5", f"+{KEY}.momentum=0"): "1b3a23c953ee2f2c",
    (f"{KEY}.learning_rate=1", "training.scaffold=true"): "469f04014fced6e0",
    (f"{KEY}._target_=keras.optimizers.Adam", f"{KEY}.learning_rate=1"): (
        "72ede0642cb54be6"
    ),
}


@pytest.mark.parametrize("overrides", DIGESTS, ids=" ".join)
def test_the_digest_of_an_optimizer_stays_what_it_was(overrides, configure):
    assert configure(*overrides).digest == DIGESTS[overrides]


def test_integers_train_like_the_floats_they_equal(configure):
    whole = configure(f"{KEY}.learning_rate=1", f"+{KEY}.momentum=0")
    same = configure(f"{KEY}.learning_rate=1.0", f"+{KEY}.momentum=0.0")
    trainer = Experiment(whole).trainer
    assert trainer is Experiment(same).trainer
    assert 1.0 in [value.tolist() for value in trainer._optimizer.initial_state]


@pytest.mark.parametrize(
    "schedule",
    [
        {"_target_": f"{SCHEDULE}.ExponentialDecay", "initial_learning_rate": 1}
        | {"decay_steps": 4, "decay_rate": 0.5},
        {"_target_": f"{SCHEDULE}.PolynomialDecay", "initial_learning_rate": 1}
        | {"decay_steps": 4, "end_learning_rate": 0},
        {"_target_": f"{SCHEDULE}.CosineDecay", "initial_learning_rate": 0}
        | {"decay_steps": 4, "warmup_target": 1, "warmup_steps": 2},
        {"_target_": f"{SCHEDULE}.CosineDecayRestarts", "initial_learning_rate": 1}
        | {"first_decay_steps": 4},
        {"_target_": f"{SCHEDULE}.PiecewiseConstantDecay", "boundaries": [1]}
        | {"values": [1, 0.5]},
    ],
    ids=lambda schedule: schedule["_target_"],
)
def test_a_schedule_from_an_integer_is_no_schedule_of_integers(schedule):
    node = {"_target_": "keras.optimizers.SGD", "learning_rate": schedule}
    made = component_of(with_floats(node), KEY)._learning_rate
    floats = {k: float(v) if type(v) is int else v for k, v in schedule.items()}
    floats |= {"values": [1.0, 0.5]} if "values" in schedule else {}
    expected = component_of(floats, KEY)
    rates = [float(made(step)) for step in range(4)]
    assert rates == [float(expected(step)) for step in range(4)]
    assert any(0 < rate < 1 for rate in rates)


def test_an_optimizer_of_ones_own_is_given_what_was_written():
    node = {"_target_": "mine.Optimizer", "learning_rate": 1, "momentum": 0}
    assert [type(v) for v in with_floats(node).values()] == [str, int, int]


def test_the_text_of_keras_tells_what_python_would():
    import keras

    classes = {
        f"{module.__name__}.{name}": value
        for module in (keras.optimizers, keras.optimizers.schedules)
        for name, value in vars(module).items()
        if inspect.isclass(value)
    }
    told = {target: arguments_of(target) for target in classes}
    assert sum(found is not None for found in told.values()) >= 20
    for target, found in told.items():
        real = dict(inspect.signature(classes[target].__init__).parameters)
        names = [n for n, p in real.items() if p.kind.name == "POSITIONAL_OR_KEYWORD"]
        if found is not None:
            assert list(found) == names[1:], target
            for name, default in found.items():
                expected = real[name].default
                is_required = expected is inspect.Parameter.empty
                assert (default is REQUIRED) == is_required, f"{target}.{name}"
                assert is_required or default is OTHER or default == expected


def test_the_text_of_keras_is_read_once(configure, monkeypatch):
    first = configure("training.optimizer._target_=keras.optimizers.Adam")
    # Whoever read it again would call None.
    monkeypatch.setattr("fedrobust.config.optimizers.parsed", None)
    again = configure("training.optimizer._target_=keras.optimizers.Adam")
    assert again.digest == first.digest


def test_every_optimizer_of_keras_passes_with_its_defaults(configure):
    for name in ("Adam", "AdamW", "Lion", "RMSprop", "Ftrl", "Nadam", "Adafactor"):
        node = configure(f"{KEY}._target_=keras.optimizers.{name}").training.optimizer
        assert node == {"_target_": f"keras.optimizers.{name}", "learning_rate": 0.1}
    schedule = f"{{_target_:{SCHEDULE}.CosineDecay,initial_learning_rate:0.1,"
    node = configure(f"{KEY}.learning_rate={schedule}decay_steps:10}}")
    assert node.training.optimizer["learning_rate"]["decay_steps"] == 10


def test_loading_again_changes_nothing(configure):
    composed = compose_run([f"{KEY}.learning_rate=1"])
    assert load_config(composed).digest == load_config(composed).digest
