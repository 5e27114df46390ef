"""Where these tests run, and a finished sweep that several of them read."""

from pathlib import Path

import pytest

import fedrobust

TINY = ("num_clients=2", "num_rounds=2", "dataset.num_train=60", "attack.samples=20")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> "fedrobust.Sweep":
    """Two rules and two seeds, each attacked at two epsilons."""
    return fedrobust.sweep(
        *TINY,
        *("strategy=fedavg,median", "seed=0,1", "attack=fgsm", "attack.epsilon=[0,.1]"),
        folder=tmp_path_factory.mktemp("sweep"),
        progress=False,
    )
