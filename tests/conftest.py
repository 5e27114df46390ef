"""Fixtures shared by all tests."""

import os
import random

# Before anything imports Flower or TensorFlow; subprocesses inherit it.
os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

# Before NumPy, or FEDROBUST_VECTORS comes too late.
import fedrobust  # noqa: F401

# isort: split
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from fedrobust.config import Config
    from fedrobust.data import Split

# syft-flwr's environment does not have it.
with suppress(ModuleNotFoundError):
    from hypothesis import settings

    # An example takes as long as the machine lets it: no test fails for that.
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")

REPOSITORY = Path(__file__).resolve().parents[1]
REAL_DATA = Path(os.environ.get("FEDROBUST_DATA") or Path.home() / ".cache/fedrobust")


@pytest.fixture(autouse=True, scope="session")
def _own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep partitions that tests deal out of the user's data folder."""
    os.environ["FEDROBUST_DATA"] = str(tmp_path_factory.mktemp("data"))
    yield
    os.environ["FEDROBUST_DATA"] = str(REAL_DATA)


@pytest.fixture(autouse=True, scope="session")
def _own_flower_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep Flower's database of runs out of the user's home.

    A database that a newer Flower has opened cannot be opened by an older one.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLWR_HOME", str(tmp_path_factory.mktemp("flwr")))
        yield


@pytest.fixture(autouse=True)
def _same_models_each_time() -> None:
    """Return the Keras models that a test builds the same weights in each session.

    An initialiser without a seed takes one from Python's global generator.
    """
    random.seed(0)


@pytest.fixture
def mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the real MNIST, or skip where it is not."""
    if not (REAL_DATA / "mnist.npz").is_file():
        pytest.skip(f"no mnist.npz in {REAL_DATA}")
    monkeypatch.setenv("FEDROBUST_DATA", str(REAL_DATA))


@pytest.fixture
def configure() -> "Callable[..., Config]":
    """Compose and check a configuration from overrides."""
    # Here, so that tests of strategies alone need no Hydra.
    from fedrobust.config import load_config
    from fedrobust.config.compose import compose_run

    def make(*overrides: str) -> "Config":
        return load_config(compose_run(overrides))

    return make


@pytest.fixture
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """End multiruns without their report, which takes most of a small one's time."""
    monkeypatch.setattr("fedrobust.commands.run.show_report", lambda *_, **__: None)


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator for test data."""
    return np.random.default_rng(20_26)


@dataclass(frozen=True)
class Trained:
    """A Keras model that learned the digits, and the digits."""

    model: Any
    data: "Split"


@pytest.fixture(scope="session")
def digits() -> "Split":
    from fedrobust.data import Digits

    return Digits().load()


@pytest.fixture(scope="session")
def trained(digits: "Split") -> Trained:
    from fedrobust.backend import keras
    from fedrobust.models import MLP, build_model
    from fedrobust.network import network_of
    from fedrobust.training import LocalTraining, Standard, Trainer

    recipe = MLP(input_shape=[8, 8, 1], num_classes=10, hidden=[32])
    model = build_model(recipe, 0, (8, 8, 1))
    network = network_of(model)
    trainer = Trainer(network, Standard(), keras.optimizers.SGD(0.2))
    result, _ = trainer.train(
        network.arrays(),
        digits.x_train,
        digits.y_train,
        LocalTraining(local_epochs=8),
        seed=0,
        round=1,
        client=0,
    )
    network.assign(result.arrays)
    return Trained(model, digits)


@pytest.fixture(scope="session")
def saved(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the model that learned the digits."""
    path = tmp_path_factory.mktemp("models") / "m.keras"
    trained.model.save(path)
    return path


@pytest.fixture(scope="session")
def linear() -> Any:
    """Two logits, (w.x, -w.x), of an input of 4 values."""
    from fedrobust.backend import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    w = np.array([1.0, -2.0, 0.5, -0.25], np.float32)
    model.layers[0].set_weights([np.stack([w, -w], axis=1), np.zeros(2, np.float32)])
    return model
