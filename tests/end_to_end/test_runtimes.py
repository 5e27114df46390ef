"""The same experiment on every runtime: the same clients, the same bits."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
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
    "attack=pgd",
    "attack.methods.pgd.steps=2",
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


def fedrobust_run(*overrides: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "fedrobust.cli", "run", *EXPERIMENT, *overrides],
        check=True,
        capture_output=True,
        timeout=300,
    )


def test_ray_is_local_to_the_bit(local, tmp_path):
    fedrobust_run("runtime=ray", f"hydra.run.dir={tmp_path / 'ray'}")
    assert outcome(tmp_path / "ray") == local
    sampled = [row["sampled"] for row in local[0]]
    assert len({tuple(s) for s in sampled}) > 1, "a draw that can differ"
    assert all(len(s) == 5 for s in sampled)


def test_flwr_run_is_local_to_the_bit(local, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text(
        f'[superlink]\ndefault = "here"\n\n[superlink.here]\n'
        f'address = "127.0.0.1:{port}"\ninsecure = true\n'
    )
    app = tmp_path / "app"
    app.mkdir()
    for name in ("conf", "fedrobust", "strategies"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / name, app / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(REPOSITORY / name, app / name)
    before = (app / "pyproject.toml").read_text()
    environment = {**os.environ, "FLWR_HOME": str(home)}
    scripts = Path(sys.executable).parent
    environment["PATH"] = f"{scripts}{os.pathsep}{environment['PATH']}"
    superlink = subprocess.Popen(
        [
            scripts / "flower-superlink", "--insecure", "--simulation",
            "--disable-runtime-dependency-installation", "--port", str(port),
        ],
        env=environment,
        cwd=tmp_path,
        stdout=(tmp_path / "superlink.log").open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    try:
        _wait_for(port)
        overrides = " ".join([*EXPERIMENT, f"hydra.run.dir={tmp_path / 'run'}"])
        done = subprocess.run(
            [
                scripts / "flwr", "run", str(app), "here", "--stream",
                "--run-config", f'hydra-overrides="{overrides}"',
                "--federation-config", "num-supernodes=6 client-resources-num-cpus=1",
            ],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )  # fmt: skip
    finally:
        os.killpg(superlink.pid, signal.SIGTERM)
        superlink.wait(30)
    assert (tmp_path / "run" / "result.json").is_file(), (
        done.stderr[-2000:] + done.stdout[-3000:]
    )
    assert outcome(tmp_path / "run") == local
    assert (app / "pyproject.toml").read_text() == before


def test_centralised_is_centralised_over_any_grid(tmp_path):
    from fedrobust.compose import compose_run
    from fedrobust.config import load_config
    from fedrobust.run import run_on_grid

    overrides = ["experiment=centralised", "num_rounds=1", "dataset.num_train=100"]
    config = load_config(compose_run(overrides))
    result = run_on_grid(None, config, tmp_path / "run")
    assert result["bytes_up"] == 0


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"no SuperLink on port {port}")
