"""DP-SGD in a federation and without one."""

import json
from pathlib import Path

import numpy as np
import pytest

from fedrobust.one_run import run
from tests.fedrobust.runs import Configure, assert_same_bits, weights

PRIVATE = (
    "privacy=dp_sgd",
    "num_rounds=2",
    "dataset.num_train=120",
    "training=pgd",
    "training.objective.steps=2",
)
FEDERATED = (*PRIVATE, "num_clients=4", "training.batch_size=8")


def train_metrics(folder: Path) -> list[dict]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
    return [row["train_metrics"] for row in rows]


def test_no_loss_leaves_a_client_and_workers_do_not_change_a_bit(
    configure: Configure, tmp_path
):
    extra = ("num_byzantine=1", "byzantine=sign_flip", "training.proximal=0.1",
             "training.momentum=0.5")  # fmt: skip
    for workers in (1, 4):
        config = configure(*FEDERATED, *extra, f"runtime.workers={workers}")
        run(config, tmp_path / str(workers))
    assert train_metrics(tmp_path / "1") == [{"local_steps": 4.0}] * 2
    assert_same_bits(tmp_path / "1", tmp_path / "4")


def test_a_federation_of_one_is_the_centralised_baseline(
    configure: Configure, tmp_path
):
    run(configure(*PRIVATE, "centralised=true"), tmp_path / "central")
    run(configure(*PRIVATE, "num_clients=1"), tmp_path / "one")
    assert train_metrics(tmp_path / "central") == [{"local_steps": 4.0}] * 2
    for a, b in zip(
        weights(tmp_path / "central"), weights(tmp_path / "one"), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.slow
def test_ray_trains_privately_to_the_bit(configure: Configure, tmp_path):
    for runtime in ("local", "ray"):
        run(configure(*FEDERATED, f"runtime={runtime}"), tmp_path / runtime)
    assert_same_bits(tmp_path / "local", tmp_path / "ray")
