"""Every optimiser is checked before the first job, without importing Keras."""

import inspect

import pytest

from fedrobust.config import load_config
from fedrobust.config.optimizers import OTHER, REQUIRED, arguments_of
from fedrobust.errors import ConfigError

KEY = "training.optimizer"
SCHEDULE = "keras.optimizers.schedules"
WRONG = {
    f"{KEY}.learning_rate=0": "learning_rate=0: must be a number above 0",
    f"{KEY}.learning_rate=true": "above 0",
    f"{KEY}.learning_rate=null": "above 0",
    f"{KEY}.learning_rate=.inf": "above 0",
    f"+{KEY}.momentum=1.5": "momentum=1.5: must be a number in [0, 1]",
    f"+{KEY}.nesterov=1": "nesterov=1: must be true or false",
    f"+{KEY}.clipvalue=[x]": "clipvalue=['x']: must be a number above 0",
    f"+{KEY}.clipvale=1": "did you mean 'clipvalue'",
    f"+{KEY}.use_ema=true": "use_ema=True: must be left out",
    f"+{KEY}.name=3": "name=3: must be a text",
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


def test_an_integer_is_a_number(configure):
    whole = configure(f"{KEY}.learning_rate=1", f"+{KEY}.momentum=0")
    same = configure(f"{KEY}.learning_rate=1.0", f"+{KEY}.momentum=0.0")
    assert type(whole.training.optimizer["learning_rate"]) is float
    assert type(whole.training.optimizer["momentum"]) is float
    assert whole.digest == same.digest


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


def test_every_optimizer_of_keras_passes_with_its_defaults(configure):
    for name in ("Adam", "AdamW", "Lion", "RMSprop", "Ftrl", "Nadam", "Adafactor"):
        node = configure(f"{KEY}._target_=keras.optimizers.{name}").training.optimizer
        assert node == {"_target_": f"keras.optimizers.{name}", "learning_rate": 0.1}
    schedule = f"{{_target_:{SCHEDULE}.CosineDecay,initial_learning_rate:0.1,"
    node = configure(f"{KEY}.learning_rate={schedule}decay_steps:10}}")
    assert node.training.optimizer["learning_rate"]["decay_steps"] == 10


def test_loading_again_changes_nothing(configure):
    from fedrobust.compose import compose_run

    composed = compose_run([f"{KEY}.learning_rate=1"])
    assert load_config(composed).digest == load_config(composed).digest
