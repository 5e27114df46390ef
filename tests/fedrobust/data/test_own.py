"""Data sets of a user's own: what is clear is taken, all else is one sentence."""

import numpy as np
import pytest

from fedrobust.assembly import Experiment
from fedrobust.data import Dataset
from fedrobust.errors import ConfigError
from fedrobust.one_run import run
from tests.fedrobust.data.arrays import X_TEST, Y_TEST, X, Y
from tests.own_data import table


class Mine(Dataset):
    """A class of one's own, as docs/how-to/own-dataset.md has it."""

    def read(self):
        return (X, Y), (X_TEST, Y_TEST)


def test_a_custom_data_set_class_only_needs_read():
    split = Mine(num_train=10, num_classes=3).load()
    assert (len(split.x_train), len(split.x_test)) == (10, 12)
    with pytest.raises(ValueError, match=r"input_shape=\[5\]: must be \[4\]"):
        Mine(input_shape=[5]).load()


@pytest.fixture
def own(configure, tmp_path):
    """A configuration with a data set of a user's own in a file of their own."""

    def make(target, *overrides):
        (tmp_path / "dataset").mkdir(exist_ok=True)
        (tmp_path / "dataset" / "mine.yaml").write_text(
            f"_target_: {target}\ninput_shape: [4]\nnum_classes: 3\nnum_train: null\n"
            "mean: null\nstd: null\nepsilon: 0.1\n"
        )
        from fedrobust.config import load_config
        from fedrobust.config.compose import compose_run

        overrides = ("dataset=mine", "num_clients=2", "num_rounds=1", *overrides)
        return load_config(compose_run(overrides, str(tmp_path)))

    return make


@pytest.mark.parametrize("name", ["table", "anything", "Loader"])
def test_keys_that_a_function_does_not_take_are_applied_to_what_it_gives(own, name):
    config = own(f"tests.own_data.{name}", "dataset.num_train=30")
    split = Experiment(config).split
    np.testing.assert_array_equal(split.x_train, X[:30].astype(np.float32))


def test_keys_that_a_function_takes_are_its_own(own):
    config = own("tests.own_data.short", "dataset.num_train=7")
    assert len(Experiment(config).split.x_train) == 7


@pytest.mark.parametrize(("target", "seed"), [("dataset", 0), ("seeded", 1)])
def test_keys_are_applied_to_a_data_set_that_a_function_returns(own, target, seed):
    (x, _), (x_test, _) = table(seed)
    config = own(
        f"tests.own_data.{target}", "dataset.num_train=7",
        "dataset.mean=[0.5]", "dataset.std=[2.0]",
    )  # fmt: skip
    split = Experiment(config).split
    np.testing.assert_array_equal(split.x_train, x[:7].astype(np.float32))
    np.testing.assert_array_equal(split.x_test, x_test.astype(np.float32))


@pytest.mark.parametrize("target", ["dataset", "seeded"])
def test_keys_at_their_defaults_leave_what_a_function_chose(own, target):
    config = own(f"tests.own_data.{target}", "dataset.num_train=null")
    assert len(Experiment(config).split.x_train) == 20


@pytest.mark.parametrize(
    ("target", "override", "told"),
    [
        ("tests.own_data.dataset", "dataset.num_train=49", "num_train=49: must be in"),
        ("tests.own_data.dataset", "dataset.num_classes=4", "num_classes=4: must be 3"),
        ("tests.own_data.dataset", "dataset.input_shape=[5]", r"input_shape=\[5\]: m"),
        ("tests.own_data.table", "dataset.num_train=49", "num_train=49: must be in"),
        ("tests.own_data.table", "dataset.num_classes=4", "num_classes=4: must be 3"),
        ("tests.own_data.broken", "seed=0", "cannot make tests.own_data.broken"),
        ("builtins.list", "seed=0", "builtins.list gives list: must give"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_custom_data_set_is_reported(own, target, override, told):
    with pytest.raises(ConfigError, match=f"^dataset: .*{told}"):
        _ = Experiment(own(target, override)).split


def test_a_custom_table_is_trained_and_attacked(own, tmp_path):
    config = own("tests.own_data.table", "attack=fgsm", "training.local_epochs=30")
    result = run(config, tmp_path / "run")
    assert result.clean_accuracy > 0.6
    assert result.num_evaluated == 12
