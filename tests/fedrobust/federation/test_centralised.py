"""The centralised baseline."""

import numpy as np

from fedrobust.assembly import Experiment
from fedrobust.federation.centralised import train_centralised
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


def test_a_spent_budget_allows_not_even_a_first_round(configure: Configure):
    config = configure(
        *("experiment=centralised", "num_rounds=2", "dataset.num_train=60"),
        *("privacy=dp_sgd", "privacy.max_epsilon=0.1"),
    )
    experiment, reports = Experiment(config), []
    state = train_centralised(
        experiment, lambda *each: reports.append(each), ledger=experiment.ledger()
    )
    assert (state.round, state.spent, reports) == (0, {}, [])
