"""The attacks of the evaluation, made before training."""

import pytest

from fedrobust.backend import keras
from fedrobust.errors import ConfigError
from fedrobust.one_run import run


def test_a_surrogate_of_another_task_is_refused_before_training(configure, tmp_path):
    path = tmp_path / "other.keras"
    keras.Sequential([keras.Input((5,)), keras.layers.Dense(10)]).save(path)
    transfer = ("attack=transfer", f"attack.methods.transfer.surrogate={path}")
    config = configure("num_rounds=1", *transfer)
    before = config.evaluation_digest
    with pytest.raises(ConfigError, match=r"attack: the surrogate takes .*\(5,\)"):
        run(config, tmp_path / "r")
    assert not (tmp_path / "r").exists()
    # What the file holds is part of how a model is evaluated.
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(),
                      keras.layers.Dense(10)]).save(path)  # fmt: skip
    assert configure("num_rounds=1", *transfer).evaluation_digest != before
