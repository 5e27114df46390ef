"""Private federations, whole: noise that can be drawn again, and whoever is hostile."""

import json

import numpy as np
import pytest

from fedrobust.assembly import Experiment
from fedrobust.federation.federate import federate
from strategies.sampling import poisson_clients
from tests.fedrobust.runs import Configure

TINY = ("num_rounds=2", "dataset.num_train=60", "strategy=mean", "attack=none")
# The clients train, and stay where they are.
STILL = ("training.optimizer.learning_rate=1e-20",)


def played(config):
    """Run a federation; return the arrays and the reports of all rounds."""
    experiment = Experiment(config)
    models, reports, events = [experiment.initial_arrays()], [], []

    def after_round(report, arrays, chosen):
        models.append(arrays)
        reports.append((report, chosen))

    federate(experiment, after_round, events.append)
    return models, reports, events


def step_of(models) -> np.ndarray:
    """How far the last round moved the model, as one vector."""
    last, before = models[-1], models[-2]
    return np.concatenate([(last[n] - before[n]).ravel() for n in last])


def draws(key: list[int], size: int) -> np.ndarray:
    return np.random.default_rng(key).normal(size=size)


def test_client_level_noise_can_be_drawn_again(configure: Configure):
    config = configure(
        *TINY, *STILL, "num_clients=4", "privacy=client_dp", "privacy.clip=0.5",
        "privacy.noise_multiplier=2", "seed=6",
    )  # fmt: skip
    models, reports, _ = played(config)
    step = step_of(models)
    noise = draws([6, 2, 0, 108], len(step))
    # The sum has a standard deviation of 2 x 0.5, and four clients are expected.
    np.testing.assert_allclose(step, noise / 4, atol=2e-6)
    (figures,) = reports[-1][0].postprocessed
    assert figures == pytest.approx(
        {"clip": 0.5, "share_clipped": 0.0, "median_norm": 0.0, "noise_std": 0.25},
        abs=1e-9,
    )


@pytest.mark.parametrize("more", [(), ("participation=0.5",), ("runtime.cohort=2",)])
def test_local_noise_can_be_drawn_again_and_hides_the_loss(configure: Configure, more):
    config = configure(
        *TINY, *STILL, "num_clients=4", "privacy=local_dp", "privacy.clip=0.5",
        "privacy.noise_multiplier=2", "seed=6", *more,
    )  # fmt: skip
    models, reports, _ = played(config)
    report, _ = reports[-1]
    step = step_of(models)
    noise = [draws([6, 2, client, 19], len(step)) for client in report.sampled]
    assert len(noise) == config.num_sampled
    np.testing.assert_allclose(step, np.mean(noise, axis=0), atol=2e-6)
    assert report.metrics == {}


def test_without_noise_and_clipping_it_is_the_plain_mean(configure: Configure):
    quiet = ("privacy.clip=1e6", "privacy.noise_multiplier=0")
    federation = (*TINY, "num_clients=3")
    plain, _, _ = played(configure(*federation))
    private, _, _ = played(configure(*federation, "privacy=client_dp", *quiet))
    local, _, _ = played(configure(*federation, "privacy=local_dp", *quiet))
    for name, array in plain[-1].items():
        np.testing.assert_array_equal(private[-1][name], array)
        np.testing.assert_allclose(local[-1][name], array, atol=1e-6)


HOSTILE = ("num_clients=6", "num_byzantine=2", "participation=0.7")


@pytest.mark.parametrize("privacy", ["client_dp_adaptive", "local_dp"])
def test_the_same_bits_for_any_number_of_workers(configure: Configure, privacy):
    common = (*TINY, *HOSTILE, "byzantine=ipm", f"privacy={privacy}")
    one, four = (
        played(configure(*common, f"runtime.workers={workers}"))[0][-1]
        for workers in (1, 4)
    )
    for name, array in one.items():
        np.testing.assert_array_equal(four[name], array)


@pytest.mark.parametrize("privacy", ["client_dp_adaptive", "local_dp"])
@pytest.mark.parametrize(
    ("byzantine", "rule"),
    [("optimal_ipm", "mean"), ("sign_flip", "median"), ("infinity", "trimmed_mean")],
)
def test_attacks_rules_and_server_optimisers_go_with_it(
    configure: Configure, byzantine, privacy, rule
):
    config = configure(
        *TINY, *HOSTILE, f"byzantine={byzantine}", f"privacy={privacy}",
        f"strategy={rule}", "strategy.f=1", "strategy.server_optimizer.momentum=0.5",
        "privacy.noise_multiplier=0.1",
    )  # fmt: skip
    models, reports, _ = played(config)
    assert [report.skipped for report, _ in reports] == [None, None]
    assert all(np.isfinite(value).all() for value in models[-1].values())


def test_a_byzantine_client_need_not_add_noise_of_its_own(configure: Configure):
    config = configure(
        *TINY, *STILL, "num_clients=3", "num_byzantine=1", "byzantine=zero",
        "privacy=local_dp",
    )  # fmt: skip
    models, _, _ = played(config)
    step = step_of(models)
    honest = [c for c in range(3) if c not in config.drawn_byzantine()]
    noise = [draws([0, 2, client, 19], len(step)) for client in honest]
    np.testing.assert_allclose(step, np.sum(noise, axis=0) / 3, atol=2e-6)


def test_a_round_that_samples_nobody_releases_noise_and_no_collusion(
    configure: Configure,
):
    config = configure(
        *TINY, "num_clients=4", "num_byzantine=2", "byzantine=mimic",
        "participation=0.3", "privacy=client_dp", "privacy.sampling=poisson", "seed=5",
    )  # fmt: skip
    models, reports, events = played(config)
    # The seed was chosen so that round 2 has nobody, and round 1 both kinds of client.
    drawn = [poisson_clients(range(4), 0.3, 5, round) for round in (1, 2)]
    assert [report.sampled for report, _ in reports] == drawn == [[0, 2, 3], []]
    assert [chosen for _, chosen in reports] == [{"client": 3}, {}]
    assert events == []
    step = step_of(models)
    # 0.3 x 4 clients are expected.
    np.testing.assert_allclose(step, draws([5, 2, 0, 108], len(step)) / 1.2, atol=2e-6)


def test_the_figures_of_a_round_are_in_its_row(configure: Configure, tmp_path):
    from fedrobust.one_run import run

    config = configure(*TINY, "num_clients=2", "privacy=client_dp")
    run(config, tmp_path / "run")
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert [row["postprocessed"]["clip"] for row in rows] == [1.0, 1.0]
    assert {"share_clipped", "median_norm", "noise_std"} < rows[0][
        "postprocessed"
    ].keys()
