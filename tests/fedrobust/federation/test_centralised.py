"""The centralised baseline."""

import numpy as np

from fedrobust.one_run import run
from tests.fedrobust.runs import Configure, weights


def test_the_centralised_baseline_sends_nothing_and_learns(
    configure: Configure, tmp_path
):
    config = configure("experiment=centralised", "num_rounds=8")
    result = run(config, tmp_path / "r")
    assert result.clean_accuracy > 0.9
    assert result.bytes_down == result.bytes_up == 0


def test_one_client_with_all_the_data_is_the_centralised_baseline(
    configure: Configure, tmp_path
):
    """A federation of one differs only in the key of its batches, which is the same."""
    run(configure("experiment=centralised", "num_rounds=2"), tmp_path / "central")
    run(configure("num_clients=1", "num_rounds=2"), tmp_path / "one")
    for a, b in zip(
        weights(tmp_path / "central"), weights(tmp_path / "one"), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-5)
