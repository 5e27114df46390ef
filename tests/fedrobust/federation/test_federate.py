"""A federation on the local runtime."""

import dataclasses

import numpy as np

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
