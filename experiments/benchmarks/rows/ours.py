"""Our side: whole rounds, like those of `fedrobust run`."""

import os
from collections.abc import Mapping
from typing import Any

from fedrobust.assembly import Experiment
from fedrobust.config import Config, load_config
from fedrobust.config.compose import compose_run
from fedrobust.federation.client import client_app
from fedrobust.federation.cohort import Cohort
from fedrobust.federation.server import serve
from fedrobust.network import Arrays
from fedrobust.runtime.flower import quiet
from strategies.round_report import RoundReport


def rounds(config: Config) -> list[RoundReport]:
    """Run every round of a federation and evaluate nothing."""
    quiet()
    reports: list[RoundReport] = []

    def after_round(report: RoundReport, arrays: Arrays) -> None:
        reports.append(report)

    experiment = Experiment(config)
    runtime = experiment.runtime
    cohort = Cohort(experiment) if config.cohort > 1 else None
    runtime.run(
        lambda grid: serve(grid, experiment, after_round, print, cohort),
        client_app(experiment, cohort),
        config.num_clients,
    )
    return reports


def load(*overrides: str) -> Config:
    """Compose and check a configuration."""
    return load_config(compose_run(list(overrides)))


def federation(*overrides: str, skip: int = 0) -> Any:
    """Return a function that measures the mean seconds of a round after ``skip``."""
    config = load(*overrides)

    def measure() -> Mapping[str, Any]:
        reports = rounds(config)
        seconds = [r.train_seconds + r.aggregate_seconds for r in reports[skip:]]
        last = reports[-1].metrics
        return {
            "value": sum(seconds) / len(seconds),
            "work": {"steps": last["local_steps"], "loss": last["train_loss"]},
        }

    return measure


CNN = (
    "dataset=mnist",
    "model=cnn_mnist",
    "strategy=mean",
    "training.optimizer.learning_rate=0.05",
)
W1 = (*CNN, "num_clients=10", "dataset.num_train=6000", "num_rounds=3")


def w1() -> Any:
    """10 clients x 600 images, batch 32, one epoch, standard training."""
    return federation(*W1)


def w1_on(runtime: str) -> Any:
    """W1 over a runtime, without its first round, in which Ray starts its actors."""
    return federation(*W1[:-1], "num_rounds=5", f"runtime={runtime}", skip=1)


def w1_pgd() -> Any:
    """Train W1 on PGD-10 examples at epsilon 0.3; one round."""
    return federation(
        *W1[:-1],
        "num_rounds=1",
        "training=pgd",
        "training.epsilon=0.3",
        "training.objective.warmup_rounds=0",
    )


MLP = (
    "dataset=mnist",
    "model=mlp",
    "model.hidden=[100]",
    "strategy=mean",
    "num_clients=1000",
    "num_rounds=3",
)


def mlp1000() -> Any:
    """1,000 clients of 60 images, an MLP, 50 clients a program."""
    return federation(*MLP, "runtime.cohort=50")


def mlp1000_sequential() -> Any:
    """Train the same clients one after the other, on one core."""
    os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])
    return federation(*MLP, "runtime.workers=1")


def fedsgd() -> Any:
    """25 clients, one step of 32 images a round, 13 clients a program."""
    return federation(
        *CNN,
        "num_clients=25",
        "dataset.num_train=15000",
        "training.local_steps=1",
        "num_rounds=20",
        "runtime.cohort=13",
    )
