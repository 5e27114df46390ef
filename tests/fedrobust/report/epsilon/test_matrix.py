"""Training epsilon against test epsilon, by hand."""

import json

import numpy as np
import pytest

from fedrobust.report import collect
from fedrobust.report.epsilon.arrange import epsilon_matrices
from fedrobust.report.epsilon.choice import recommend
from fedrobust.report.epsilon.figures import clean_against_robust, training_heat_map
from fedrobust.report.epsilon.matrix import CLEAN, EpsilonMatrix, TrainingRow
from fedrobust.report.epsilon.page import (
    epsilon_markdown,
    epsilon_note,
    epsilon_problems,
)
from fedrobust.report.groups import SeedGroup
from tests.fedrobust.report.epsilon.sweeps import SWEEP, changed, matrix_of, write_sweep
from tests.fedrobust.report.runs import write_run


def test_the_matrix_its_costs_and_its_gains(tmp_path):
    matrix = matrix_of(tmp_path)
    # By epsilon, and noise beside the pgd training that it is the control of.
    assert [(row.kind, row.epsilon) for row in matrix.rows] == [
        ("standard", None),
        ("noise", 0.1),
        ("pgd", 0.1),
        ("pgd", 0.2),
    ]
    assert matrix.epsilons == ["0.1", "0.2"]
    assert [row.num_images for row in matrix.rows] == [100] * 4
    np.testing.assert_allclose(
        [row.accuracy for row in matrix.rows],
        [
            [0.97, 0.42, 0.10],
            [0.96, 0.44, 0.12],
            [0.95, 0.82, 0.50],
            [0.91, 0.84, 0.65],
        ],
    )
    # Two seeds that differ by d: a standard deviation (n - 1) of d / sqrt(2).
    spread = matrix.rows[3].spread
    np.testing.assert_allclose(spread, np.array([0.02, 0.06, 0.02]) / np.sqrt(2))
    assert matrix.reference is matrix.rows[0]
    np.testing.assert_allclose(matrix.cost, [0, 0.01, 0.02, 0.06], atol=1e-12)
    np.testing.assert_allclose(
        matrix.gain, [[0, 0], [0.02, 0.02], [0.40, 0.40], [0.42, 0.55]], atol=1e-12
    )


def test_a_score_and_its_errors_by_hand(tmp_path):
    matrix = matrix_of(tmp_path)
    pgd1, pgd2 = matrix.rows[2:]
    score = matrix.score(pgd1, "0.1")
    assert score.value == pytest.approx(0.82)
    # 80 and 84: 0.04 / sqrt(2) over seeds, by sqrt(2).
    assert score.error == pytest.approx(0.02)
    # sqrt(0.82 * 0.18 / 100), not 200: both seeds have the same images.
    assert score.image_error == pytest.approx(0.038419, abs=1e-6)
    # Trapezoids of width 0.1 over 0.2: (0.95 + 2 * 0.80 + 0.50) / 4 and 2 * 0.84.
    area = matrix.score(pgd1, None)
    assert area.by_seed == pytest.approx({0: 0.7625, 1: 0.7825})
    assert area.value == pytest.approx(0.7725)
    assert area.error == pytest.approx(0.01)
    # An image that withstands 0.2 withstands 0.1 and 0, so it scores 1 (50 %), 0.75
    # (32 %), 0.25 (13 %) or 0. The mean of the squares is 0.5 + 0.18 + 0.008125 =
    # 0.688125, the variance 0.688125 - 0.7725^2 = 0.091369.
    assert area.image_error == pytest.approx(np.sqrt(0.091369 / 100), abs=1e-6)
    assert matrix.score(pgd2, None).value == pytest.approx(0.81)


def test_other_partitions_of_one_seed_are_no_other_seeds(tmp_path):
    write_sweep(tmp_path)
    for path in tmp_path.glob("*/evaluations/*.json"):
        result = json.loads(path.read_text())
        path.write_text(json.dumps({**result, "seed": 0}))
    (matrix,) = epsilon_matrices(collect(tmp_path))
    np.testing.assert_allclose(matrix.rows[2].by_seed[0], [0.95, 0.82, 0.50])
    assert "The best has seed 0, and the next has seed 0." in (
        recommend(matrix, "0.1").text
    )


def test_each_strategy_has_a_matrix_of_its_own(tmp_path):
    write_sweep(tmp_path)
    write_sweep(tmp_path, changed(pgd2=None), strategy="krum")
    write_sweep(tmp_path, strategy="median")
    runs = collect(tmp_path)
    matrices = epsilon_matrices(runs)
    # Krum's runs have one training epsilon: nothing to choose.
    assert [m.title for m in matrices] == ["strategy=fedavg", "strategy=median"]
    assert "3 other rows are left out" in epsilon_problems(runs, matrices)[0]
    page = epsilon_markdown(runs, matrices, [[recommend(m)] for m in matrices])
    assert "## strategy=median" in page
    assert "| 0.2 | pgd | 2 | 91.0 ± 1.4 | 84.0 ± 4.2 | 65.0 ± 1.4 | 81.0 |" in page
    # Two kinds of training times two strategies; then a panel a strategy.
    assert len(training_heat_map(matrices).axes) == 4 + 1  # with the colour bar
    assert len(clean_against_robust(matrices, "0.1").axes) == 2


def test_other_parameters_of_the_objective_are_kinds_of_training(tmp_path):
    write_sweep(tmp_path)
    for epsilon in (0.1, 0.2):
        write_run(
            tmp_path, 0.9, {"0.1": 0.8, "0.2": 0.5}, training="pgd", epsilon=epsilon,
            seed=3, objective={"_target_": "pgd", "epsilon": epsilon, "steps": 2},
        )  # fmt: skip
    (matrix,) = epsilon_matrices(collect(tmp_path))
    assert [row.name for row in matrix.rows][2:] == [
        "pgd training at 0.1",
        "pgd steps=2 training at 0.1",
        "pgd training at 0.2",
        "pgd steps=2 training at 0.2",
    ]


def test_different_seeds_are_shown_and_told(tmp_path):
    write_sweep(tmp_path, changed(pgd1=SWEEP["pgd", 0.1][:1]))
    runs = collect(tmp_path)
    matrices = epsilon_matrices(runs)
    assert len(matrices[0].rows) == 4
    assert "different seeds" in epsilon_problems(runs, matrices)[0]
    assert "The best has seeds 0 and 1, and the next has seed 0." in (
        recommend(matrices[0], "0.1").text
    )


def test_the_note_tells_what_an_interval_is_and_what_has_none(tmp_path):
    three = {key: [*runs, runs[0]] for key, runs in SWEEP.items()}
    matrix = matrix_of(tmp_path / "three", three)
    said = epsilon_note(collect(tmp_path / "three"), [matrix])
    assert "95 % t interval" in said
    assert "Undecided: the interval includes 0, which shows neither" in said
    assert "share the test images" in said
    assert "Fewer than" not in said
    # 2 sqrt(0.5 * 0.5 / 100)
    assert "Two standard errors of the 100 test images are up to 10.0 points." in said
    matrix = matrix_of(tmp_path / "two")
    said = epsilon_note(collect(tmp_path / "two"), [matrix])
    assert "Fewer than 3 seeds do not show how training varies" in said
    assert "t interval" not in said
    assert "100 test images are up to 10.0 points." in said


def test_the_smallest_epsilon_is_the_reference_without_standard_training(tmp_path):
    matrix = matrix_of(tmp_path, changed(standard=None), images=1000)
    assert matrix.reference.name == "pgd training at 0.1", "and not noise"
    np.testing.assert_allclose(matrix.cost, [-0.01, 0, 0.04], atol=1e-12)
    page = epsilon_markdown(collect(tmp_path), [matrix], [[]])
    assert "the smallest there is, as there is no standard run" in page


def test_means_and_scores_are_the_same_to_the_bit():
    values = np.random.default_rng(0).integers(0, 360, (20, 3)) / 360
    group = SeedGroup({}, {}, {}, [])
    row = TrainingRow("pgd", 0.1, group, dict(enumerate(values)), 360)
    matrix = EpsilonMatrix({}, ["0.1", "0.2"], [row])
    scores = [matrix.score(row, at).value for at in (CLEAN, "0.1", "0.2")]
    assert scores == row.accuracy.tolist()
