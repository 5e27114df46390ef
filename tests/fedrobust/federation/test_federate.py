"""A federation on the local runtime."""

import dataclasses

import numpy as np
import pytest

from fedrobust.assembly import Experiment
from fedrobust.errors import ConfigError
from fedrobust.one_run import run
from tests.fedrobust.runs import SMALL, Configure
from tests.fedrobust.training.objectives import rounds_of


def test_everything_here_keeps_its_bits(configure):
    for training in ("scaffold", "fedprox", "calfat", "dbfat", "free"):
        config = configure(
            f"training={training}", "num_clients=3", "num_rounds=2",
            "dataset.num_train=90", "participation=0.7",
        )  # fmt: skip
        one, two = rounds_of(config)[-1], rounds_of(config)[-1]
        for name in one:
            np.testing.assert_array_equal(one[name], two[name])
    assert dataclasses.is_dataclass(config)


def test_a_grid_that_is_given_is_named_and_trains_nobody_together(
    configure: Configure, tmp_path
):
    from fedrobust.federation.client import client_app
    from fedrobust.runtime.local_grid import LocalGrid

    with pytest.raises(
        ConfigError, match=r"runtime\.cohort=2: must be 1 under flwr run"
    ):
        run(configure(*SMALL, "runtime.cohort=2"), tmp_path / "r", grid=object())
    config = configure(*SMALL)
    with LocalGrid(client_app(Experiment(config)), 7, workers=2) as grid:
        result = run(config, tmp_path / "r", grid=grid)
    runtime = result.environment["runtime"]
    assert runtime["_target_"] == "fedrobust.runtime.local_grid.LocalGrid"
