"""The same experiment on every runtime: the same clients, the same bits."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytest.importorskip("ray")

EXPERIMENT = [
    "num_clients=6",
    "num_rounds=3",
    "dataset.num_train=300",
    "partition.holdout=0.2",
    "participation=0.8",
    "strategy=median",
    "num_byzantine=2",
    "byzantine=ipm",
    "training=pgd",
    "training.objective.steps=2",
    "training.momentum=0.5",
    "privacy=local_dp",
    "privacy.noise_multiplier=0.01",
    "attack=pgd",
    "attack.methods.pgd.steps=2",
]

# Secure sums in two groups, with four messages to each client in a round.
SECURE = [
    "num_clients=4",
    "num_rounds=1",
    "dataset.num_train=80",
    "strategy=median",
    "privacy=group_secagg",
    "privacy.group_size=2",
    "num_byzantine=1",
    "byzantine=sign_flip",
]


def outcome(folder: Path) -> list:
    """What must be the same to the bit: the model, and every figure but the seconds."""
    import numpy as np

    from fedrobust.backend import keras

    model = keras.saving.load_model(folder / "model.keras")
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
    figures = [
        {k: v for k, v in row.items() if not k.endswith("_seconds")} for row in rows
    ]
    return [figures, [np.asarray(v.numpy()).tobytes() for v in model.weights]]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> list:
    folder = tmp_path_factory.mktemp("local") / "run"
    fedrobust_run("runtime.workers=2", f"hydra.run.dir={folder}")
    return outcome(folder)


def fedrobust_run(
    *overrides: str, cwd: Path = REPOSITORY, experiment: Sequence[str] = EXPERIMENT
) -> None:
    # -P: as the installed script, which does not look in the current folder first.
    subprocess.run(
        [sys.executable, "-P", "-m", "fedrobust", "run", *experiment, *overrides],
        check=True,
        cwd=cwd,
        capture_output=True,
        timeout=300,
    )


def test_ray_is_local_to_the_bit(local, tmp_path):
    # Ray's actors search the current folder first: nothing there may hide ours.
    for name in ("fedrobust", "strategies"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    folder = f"hydra.run.dir={tmp_path / 'ray'}"
    fedrobust_run("runtime=ray", folder, cwd=tmp_path)
    assert outcome(tmp_path / "ray") == local
    sampled = [row["sampled"] for row in local[0]]
    assert len({tuple(s) for s in sampled}) > 1, "a draw that can differ"
    assert all(len(s) == 5 for s in sampled)


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator["Deployment"]:
    with Deployment(tmp_path) as deployment:
        yield deployment


def test_flwr_run_is_local_to_the_bit(local, deployment, tmp_path):
    before = (deployment.app / "pyproject.toml").read_text()
    deployment.start_superlink("--simulation")
    nodes = "num-supernodes=6 client-resources-num-cpus=1"
    deployment.run(tmp_path / "run", "--federation-config", nodes)
    assert outcome(tmp_path / "run") == local
    assert (deployment.app / "pyproject.toml").read_text() == before


@pytest.mark.slow
def test_supernodes_are_local_to_the_bit(local, deployment, tmp_path):
    """Of a process a node and another for each message: six times seven of them."""
    deployment.start_superlink()
    for client in range(6):
        deployment.start_supernode(client)
    deployment.run(tmp_path / "run")
    assert outcome(tmp_path / "run") == local


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> list:
    folder = tmp_path_factory.mktemp("secure") / "run"
    fedrobust_run(f"hydra.run.dir={folder}", experiment=SECURE)
    return outcome(folder)


@pytest.mark.slow
def test_secure_sums_on_ray_are_local_to_the_bit(secure, tmp_path):
    folder = f"hydra.run.dir={tmp_path / 'ray'}"
    fedrobust_run("runtime=ray", folder, experiment=SECURE)
    assert outcome(tmp_path / "ray") == secure


@pytest.mark.slow
def test_secure_sums_under_flwr_run_are_local_to_the_bit(secure, deployment, tmp_path):
    deployment.start_superlink("--simulation")
    nodes = "num-supernodes=4 client-resources-num-cpus=1"
    flags = ("--federation-config", nodes)
    deployment.run(tmp_path / "run", *flags, experiment=SECURE)
    assert outcome(tmp_path / "run") == secure


@pytest.mark.slow
def test_secure_sums_over_supernodes_are_local_to_the_bit(secure, deployment, tmp_path):
    """A client's secrets stay in its Context from one process to the next."""
    deployment.start_superlink()
    for client in range(4):
        deployment.start_supernode(client)
    deployment.run(tmp_path / "run", experiment=SECURE)
    assert outcome(tmp_path / "run") == secure


class Deployment:
    """A SuperLink and its SuperNodes on this machine, and ``flwr run`` for them."""

    def __init__(self, folder: Path) -> None:
        self.app = folder / "app"
        self._folder = folder
        self._port = _free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._scripts = Path(sys.executable).parent
        path = f"{self._scripts}{os.pathsep}{os.environ['PATH']}"
        home = folder / "home"
        self._environment = {**os.environ, "FLWR_HOME": str(home), "PATH": path}
        home.mkdir()
        (home / "config.toml").write_text(
            f'[superlink]\ndefault = "here"\n\n[superlink.here]\n'
            f'address = "127.0.0.1:{self._port}"\ninsecure = true\n'
        )
        self.app.mkdir()
        for name in ("conf", "fedrobust", "strategies"):
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(REPOSITORY / name, self.app / name, ignore=ignore)
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(REPOSITORY / name, self.app / name)

    def __enter__(self) -> "Deployment":
        return self

    def __exit__(self, *exception: object) -> None:
        for process in reversed(self._processes):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)

    def start_superlink(self, *flags: str) -> None:
        self._start(
            "flower-superlink", "--insecure", "--port", str(self._port),
            "--disable-runtime-dependency-installation", *flags,
        )  # fmt: skip
        _wait_for(self._port)

    def start_supernode(self, client: int) -> None:
        self._start(
            "flower-supernode", "--insecure", "--port", str(_free_port()),
            "--superlink", f"127.0.0.1:{self._port}",
            "--node-config", f"partition-id={client} num-partitions=6",
        )  # fmt: skip

    def run(
        self, folder: Path, *flags: str, experiment: Sequence[str] = EXPERIMENT
    ) -> None:
        """Run the experiment into a folder."""
        overrides = " ".join([*experiment, f"hydra.run.dir={folder}"])
        done = subprocess.run(
            [
                self._scripts / "flwr", "run", str(self.app), "here", "--stream",
                "--run-config", f'hydra-overrides="{overrides}"', *flags,
            ],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=1800,
        )  # fmt: skip
        told = done.stderr[-2000:] + done.stdout[-3000:]
        assert (folder / "result.json").is_file(), told

    def _start(self, script: str, *arguments: str) -> None:
        log = self._folder / f"{script}{len(self._processes)}.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                [self._scripts / script, *arguments],
                env=self._environment,
                cwd=self._folder,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes.append(process)


def test_centralised_is_centralised_over_any_grid(tmp_path):
    from fedrobust.config import load_config
    from fedrobust.config.compose import compose_run
    from fedrobust.one_run import run

    overrides = ["experiment=centralised", "num_rounds=1", "dataset.num_train=100"]
    config = load_config(compose_run(overrides))
    result = run(config, tmp_path / "run", grid=object())
    assert result.bytes_up == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"no SuperLink on port {port}")
