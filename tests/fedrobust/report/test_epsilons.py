"""The training epsilon that a sweep recommends, held against a case worked by hand."""

import csv
import json

import numpy as np
import pytest

from fedrobust.cli import main
from fedrobust.report import (
    collect,
    draw_epsilon_figures,
    epsilon_markdown,
    epsilon_matrices,
    epsilon_note,
    recommend,
)
from fedrobust.report.epsilon.figures import clean_against_robust, training_heat_map
from fedrobust.report.scores import Score
from tests.end_to_end.test_command_line import SMALL, fedrobust
from tests.fedrobust.report.test_report import write_run

# (training, epsilon): clean and robust accuracy at 0.1 and 0.2, for seeds 0 and 1.
# Each on the same 100 images. Means: standard 97 42 10, noise 96 44 12,
# pgd at 0.1 95 82 50, pgd at 0.2 91 84 65.
SWEEP = {
    ("pgd", 0.2): [(0.90, 0.81, 0.64), (0.92, 0.87, 0.66)],
    ("pgd", 0.1): [(0.95, 0.80, 0.50), (0.95, 0.84, 0.50)],
    ("noise", 0.1): [(0.95, 0.44, 0.12), (0.97, 0.44, 0.12)],
    ("standard", None): [(0.96, 0.40, 0.10), (0.98, 0.44, 0.10)],
}


def write_sweep(folder, sweep=SWEEP, **more):
    for (training, epsilon), runs in sweep.items():
        for seed, (clean, *robust) in enumerate(runs):
            own = {} if epsilon is None else {"epsilon": epsilon}
            objective = {"_target_": training, **own}
            worst = dict(zip(("0.1", "0.2"), robust, strict=True))
            made = {"training": training, "epsilon": epsilon, "objective": objective}
            write_run(folder, clean, worst, **{**made, "seed": seed, **more})


def matrix_of(folder, sweep=SWEEP, **more):
    write_sweep(folder, sweep, **more)
    (matrix,) = epsilon_matrices(collect(folder))
    return matrix


def changed(**rows):
    """Give the sweep other runs of pgd or noise at 0.1, of pgd at 0.2, or none."""
    keys = {"pgd1": ("pgd", 0.1), "pgd2": ("pgd", 0.2), "noise": ("noise", 0.1)}
    keys["standard"] = ("standard", None)
    sweep = {**SWEEP, **{keys[name]: runs for name, runs in rows.items()}}
    return {key: runs for key, runs in sweep.items() if runs is not None}


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


def score_of(*values, image_error=0.0):
    return Score(dict(enumerate(values)), image_error)


def test_seeds_are_compared_in_pairs_by_hand():
    # Differences of 2, 3 and 4 points: a standard deviation of 1, and t(0.975) with two
    # degrees of freedom is 4.3027, so 3 ± 4.3027 / sqrt(3). By themselves both rows
    # spread by 10 points and more, which the pairs have in common.
    low = score_of(0.60, 0.70, 0.80)
    found = score_of(0.62, 0.73, 0.84).above(low)
    assert found.value == pytest.approx(0.03)
    assert found.margin == pytest.approx(0.024841, abs=1e-6)
    assert (found.num_seeds, found.is_chance) == (3, False)
    # 1, 2 and 3 points: 2 ± 2.48.
    assert score_of(0.61, 0.72, 0.83).above(low).is_chance
    # 3, 3 and 0 points: 2 ± 4.3027 sqrt(3) / sqrt(3).
    assert score_of(0.63, 0.73, 0.80).above(low).margin == pytest.approx(
        0.043027, abs=1e-6
    )


def test_two_seeds_are_compared_by_their_images_or_by_what_they_differ_in_by_hand():
    # 2 and 4 points: a standard error of sqrt(2) / sqrt(2) = 1, so 3 ± 2.
    found = score_of(0.62, 0.74).above(score_of(0.60, 0.70))
    assert found.margin == pytest.approx(0.02)
    assert (found.value, found.num_seeds) == (pytest.approx(0.03), 2)
    assert not found.is_chance
    # Images with standard errors of 1 and 1.5 points explain 2 (1 + 1.5) = 5.
    high = score_of(0.62, 0.74, image_error=0.01)
    found = high.above(score_of(0.60, 0.70, image_error=0.015))
    assert found.margin == pytest.approx(0.05)
    assert found.is_chance


def test_a_single_seed_is_compared_by_the_images_by_hand():
    # 80 and 92 of 100 images: 2 (0.04 + 0.027129) = 13.4 points. As of independent
    # images it would be 2 hypot(0.04, 0.027129) = 9.7, less than the difference.
    high, low = score_of(0.92, image_error=0.027129), score_of(0.80, image_error=0.04)
    found = high.above(low)
    assert found.margin == pytest.approx(0.134258)
    assert (found.num_seeds, found.is_chance) == (1, True)
    assert high.error == 0.027129
    # Two seeds each, of which they have none in common.
    other = Score({5: 0.92, 6: 0.92}, 0.027129)
    found = other.above(score_of(0.80, 0.80, image_error=0.04))
    assert found.margin == pytest.approx(0.134258)
    assert found.num_seeds == 0


def test_guessing_is_beaten_over_seeds_and_over_images():
    # 16, 18 and 20: 18 ± 4.97 over seeds.
    assert score_of(0.16, 0.18, 0.20).beats(0.13)
    assert not score_of(0.16, 0.18, 0.20).beats(0.14)
    # Seeds that agree leave what the test set has by chance.
    assert not score_of(0.12, 0.12, image_error=0.01).beats(0.10)
    assert score_of(0.13, 0.13, image_error=0.01).beats(0.10)


def test_the_smallest_epsilon_that_chance_does_not_tell_from_the_best(tmp_path):
    matrix = matrix_of(tmp_path, images=1000)
    # At 0.1: 81 - 80 and 87 - 84, so 2 ± 2, and the images explain
    # 2 (sqrt(0.82 * 0.18 / 1000) + sqrt(0.84 * 0.16 / 1000)) = 4.7.
    advice = recommend(matrix, "0.1")
    assert (advice.row.kind, advice.row.epsilon) == ("pgd", 0.1)
    assert "(two seeds: chance explains up to 4.7 points)" in advice.text
    assert "costs 2.0 points clean, and gains 40.0 at 0.1 over standard" in advice.text
    # At 0.2: 64 - 50 and 66 - 50, so 15, of which the images explain
    # 2 (sqrt(0.5 * 0.5 / 1000) + sqrt(0.65 * 0.35 / 1000)) = 6.2.
    advice = recommend(matrix, "0.2")
    assert (advice.row.kind, advice.row.epsilon) == ("pgd", 0.2)
    assert "costs 6.0 points clean, and gains 55.0 at 0.2 over standard" in advice.text
    # Over all: 79 - 76.25 and 83 - 78.25, so 3.75 ± 2, and the images explain
    # 2 (sqrt(0.091369 / 1000) + sqrt(0.10515 / 1000)) = 4.0.
    advice = recommend(matrix)
    assert (advice.row.kind, advice.row.epsilon) == ("pgd", 0.1)
    assert "(two seeds: chance explains up to 4.0 points)" in advice.text
    # 77.25 - (97 + 2 * 42 + 10) / 4 = 29.5
    assert "costs 2.0 points clean, and gains 29.5 on average" in advice.text
    assert "noise" not in advice.text


def test_more_images_leave_less_to_chance_of_one_seed_only(tmp_path):
    one = {key: runs[:1] for key, runs in SWEEP.items()}
    one["pgd", 0.2] = [(0.90, 0.84, 0.64)]
    # 84 against 80 of 100: 2 (0.036661 + 0.04) = 15.3; of 10,000 1.5.
    advice = recommend(matrix_of(tmp_path / "few", one), "0.1")
    assert advice.row.epsilon == 0.1
    assert "(one seed: chance explains up to 15.3 points)" in advice.text
    advice = recommend(matrix_of(tmp_path / "many", one, images=10_000), "0.1")
    assert advice.row.epsilon == 0.2
    # What the seeds differ in they do not make smaller: 2 ± 2 points.
    advice = recommend(matrix_of(tmp_path / "seeds", images=10_000), "0.1")
    assert "(two seeds: chance explains up to 2.0 points)" in advice.text


def test_what_chance_was_is_told(tmp_path):
    three = {key: [*runs, runs[0]] for key, runs in SWEEP.items()}
    matrix = matrix_of(tmp_path / "three", three)
    said = epsilon_note(collect(tmp_path / "three"), [matrix])
    assert "95 % t interval" in said
    assert "share the test images" in said
    assert "Fewer than" not in said
    # 2 sqrt(0.5 * 0.5 / 100)
    assert "Two standard errors of the 100 test images are up to 10.0 points." in said
    matrix = matrix_of(tmp_path / "two")
    said = epsilon_note(collect(tmp_path / "two"), [matrix])
    assert "Fewer than 3 seeds do not show how training varies" in said
    assert "t interval" not in said
    assert "100 test images are up to 10.0 points." in said


def test_other_partitions_of_one_seed_are_no_other_seeds(tmp_path):
    write_sweep(tmp_path)
    for path in tmp_path.glob("*/evaluations/*.json"):
        result = json.loads(path.read_text())
        path.write_text(json.dumps({**result, "seed": 0}))
    (matrix,) = epsilon_matrices(collect(tmp_path))
    np.testing.assert_allclose(matrix.rows[2].by_seed[0], [0.95, 0.82, 0.50])
    assert "(one seed: " in recommend(matrix, "0.1").text


def test_noise_that_keeps_as_much_is_told_and_never_recommended(tmp_path):
    # Better than pgd at 0.1 and 0.2, whose best have 84 and 65.
    best = [(0.95, 0.86, 0.66), (0.95, 0.86, 0.66)]
    matrix = matrix_of(tmp_path, changed(noise=best), images=1000)
    for at, kept in (("0.1", "86.0"), ("0.2", "66.0")):
        advice = recommend(matrix, at)
        assert advice.row.kind == "pgd"
        assert f"noise training at 0.1 keeps as much ({kept} %)" in advice.text
        assert "bought nothing" in advice.text


def test_noise_within_chance_is_an_open_question_and_not_as_good(tmp_path):
    # 60 against 65 of 100: the images explain 2 (0.0490 + 0.0477) = 19.3.
    close = [(0.95, 0.44, 0.60), (0.95, 0.44, 0.60)]
    text = recommend(matrix_of(tmp_path, changed(noise=close)), "0.2").text
    assert "Whether it bought more than noise is open: noise training at 0.1" in text
    assert "keeps 60.0 % (two seeds: chance explains up to 19.3 points)" in text
    assert "bought nothing" not in text


@pytest.mark.parametrize("count", [1, 2, 3])
def test_noise_that_is_far_below_is_never_called_as_good(tmp_path, count):
    # 4.2 against 31.5 % of 360 images, whatever the seeds spread.
    sweep = changed(
        pgd1=[(0.95, 0.60, 0.300), (0.95, 0.60, 0.330), (0.95, 0.60, 0.315)][:count],
        pgd2=[(0.80, 0.50, 0.200), (0.80, 0.50, 0.210), (0.80, 0.50, 0.205)][:count],
        noise=[(0.97, 0.40, 0.030), (0.97, 0.40, 0.054), (0.97, 0.40, 0.042)][:count],
        standard=[(0.97, 0.40, 0.01), (0.97, 0.40, 0.02), (0.97, 0.40, 0.015)][:count],
    )
    advice = recommend(matrix_of(tmp_path, sweep, images=360), "0.2")
    assert advice.row.name == "pgd training at 0.1"
    assert "noise" not in advice.text


def test_the_best_is_that_of_the_table_though_it_may_not_beat_guessing(tmp_path):
    # 5, 35 and 50 spread by 23 points: 30 ± 57. 18, 19 and 20 of 1,000: 19 ± 2.5.
    wild = [(0.9, 0.8, 0.05), (0.9, 0.8, 0.35), (0.9, 0.8, 0.50)]
    calm = [(0.9, 0.8, 0.18), (0.9, 0.8, 0.19), (0.9, 0.8, 0.20)]
    sweep = {
        ("standard", None): [(0.97, 0.42, 0.0)] * 3,
        ("pgd", 0.1): calm,
        ("pgd", 0.2): wild,
    }
    advice = recommend(matrix_of(tmp_path, sweep, images=1000), "0.2")
    assert advice.row.name == "pgd training at 0.1"
    assert "keeps 19.0 %, and pgd training at 0.2 30.0 %" in advice.text
    assert "Chance could explain that pgd training at 0.2 is above gues" in advice.text


def test_standard_training_is_recommended_where_nothing_is_gained(tmp_path):
    flat = [(0.90, 0.43, 0.12)] * 2
    advice = recommend(matrix_of(tmp_path, changed(pgd1=flat, pgd2=flat)), "0.1")
    assert advice.row.kind == "standard"
    # 43 against 42 of 100 images.
    assert "What adversarial training gains is within chance" in advice.text
    worse = [(0.90, 0.41, 0.12)] * 2
    matrix = matrix_of(tmp_path / "worse", changed(pgd1=worse, pgd2=worse))
    assert "Adversarial training gains nothing." in recommend(matrix, "0.1").text


def test_without_standard_training_the_smallest_epsilon_is_the_reference(tmp_path):
    matrix = matrix_of(tmp_path, changed(standard=None), images=1000)
    assert matrix.reference.name == "pgd training at 0.1", "and not noise"
    np.testing.assert_allclose(matrix.cost, [-0.01, 0, 0.04], atol=1e-12)
    text = recommend(matrix, "0.2").text
    assert "costs 4.0 points clean, and gains 15.0 at 0.2 over pgd training at" in text
    assert "no standard run" in text
    assert "cost is unknown" in recommend(matrix, "0.1").text
    page = epsilon_markdown(collect(tmp_path), [matrix], [[]])
    assert "the smallest there is, as there is no standard run" in page


def test_nothing_is_recommended_that_does_not_beat_guessing(tmp_path):
    # 14 against 10 of 10 classes; two standard errors of 14 in 100 are 6.9 points.
    low = [(0.9, 0.8, 0.14)] * 2
    matrix = matrix_of(tmp_path, changed(pgd1=low, pgd2=low))
    advice = recommend(matrix, "0.2")
    assert advice.row is None
    assert "no training beats guessing (10.0 %)" in advice.text
    assert "keeps 14.0 %" in advice.text
    # With 1,000 images they are 2.2 points: it does.
    matrix = matrix_of(tmp_path / "more", changed(pgd1=low, pgd2=low), images=1000)
    assert recommend(matrix, "0.2").row.epsilon == 0.1


@pytest.mark.parametrize("epsilon", [0.1, 0.2])
def test_a_failed_check_of_the_recommended_or_the_best_is_told(tmp_path, epsilon):
    write_sweep(tmp_path, images=1000)
    for path in tmp_path.glob(f"pgd-{epsilon}-0/evaluations/*.json"):
        result = json.loads(path.read_text())
        result["checks"]["within_ball"]["status"] = "fail"
        path.write_text(json.dumps(result))
    (matrix,) = epsilon_matrices(collect(tmp_path))
    # At 0.1 the first is recommended and the second is the best.
    text = recommend(matrix, "0.1").text
    assert f"FAILED checks of pgd training at {epsilon}: within_ball" in text
    assert text.count("FAILED") == 1
    # At 0.2 the second is both.
    assert recommend(matrix, "0.2").text.count("FAILED") == (epsilon == 0.2)


def test_each_strategy_has_a_matrix_of_its_own(tmp_path):
    write_sweep(tmp_path)
    write_sweep(tmp_path, changed(pgd2=None), strategy="krum")
    write_sweep(tmp_path, strategy="median")
    runs = collect(tmp_path)
    matrices = epsilon_matrices(runs)
    # Krum's runs have one training epsilon: nothing to choose.
    assert [m.title for m in matrices] == ["strategy=fedavg", "strategy=median"]
    assert "3 other rows are left out" in epsilon_note(runs, matrices)
    page = epsilon_markdown(runs, matrices, [[recommend(m)] for m in matrices])
    assert "## strategy=median" in page
    assert "| 0.2 | pgd | 2 | 91.0 ± 1.4 | 84.0 ± 4.2 | 65.0 ± 1.4 | 81.0 |" in page
    # Two kinds of training times two strategies; then a panel a strategy.
    assert len(training_heat_map(matrices).axes) == 4
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
    assert "different seeds" in epsilon_note(runs, matrices)
    # 84 against 80: 2 (0.036661 + 0.04) = 15.3.
    assert "(one seed: " in recommend(matrices[0], "0.1").text
    for path in tmp_path.glob("pgd-0.1-*/evaluations/*.json"):
        result = json.loads(path.read_text())
        path.write_text(json.dumps({**result, "seed": 7}))
    (matrix,) = epsilon_matrices(collect(tmp_path))
    assert "(no seed in common: " in recommend(matrix, "0.1").text


def test_the_figures_say_what_the_matrix_says(tmp_path):
    matrix = matrix_of(tmp_path)
    noise, pgd = training_heat_map([matrix]).axes
    # Both panels have the rows none, 0.1 and 0.2: equal epsilons stand in one line.
    assert [t.get_text() for t in noise.texts] == [
        *("97", "42", "10"), *("96", "44", "12"), *("–", "–", "–"),
    ]  # fmt: skip
    assert [t.get_text() for t in pgd.texts] == [
        *("97", "42", "10"), *("95", "82", "50"), *("91", "84", "65"),
    ]  # fmt: skip
    (axes,) = clean_against_robust([matrix], "0.1").axes
    assert axes.get_ylabel() == "accuracy at ε = 0.1 in percent"
    assert [t.get_text() for t in axes.texts] == ["none", "0.1", "0.1", "0.2"]
    # Without a threat, the middle epsilon.
    (axes,) = clean_against_robust([matrix], None).axes
    assert axes.get_ylabel() == "accuracy at ε = 0.2 in percent"
    written = draw_epsilon_figures([matrix], None, tmp_path)
    assert [p.name for p in written] == [
        "training_epsilon.png",
        "clean_against_robust.png",
    ]
    before = [p.read_bytes() for p in written]
    draw_epsilon_figures([matrix], None, tmp_path)
    assert [p.read_bytes() for p in written] == before


def refused(capsys, *arguments):
    assert main(["epsilon", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_the_refusals(tmp_path, capsys):
    assert "no such folder" in refused(capsys, tmp_path / "nowhere")
    assert "no finished run" in refused(capsys, tmp_path)
    assert "the following arguments are required: folder" in refused(capsys)
    write_sweep(tmp_path / "one", changed(pgd2=None))
    said = refused(capsys, tmp_path / "one")
    assert "differ in training.epsilon" in said
    assert "there is: 0.1)" in said
    clean = {key: [run[:1] for run in runs] for key, runs in SWEEP.items()}
    for (training, epsilon), ((accuracy,), _) in clean.items():
        made = {"training": training, "epsilon": epsilon}
        write_run(tmp_path / "clean", accuracy, {}, **made)
    assert "attack=pgd" in refused(capsys, tmp_path / "clean")
    write_sweep(tmp_path / "good")
    said = refused(capsys, tmp_path / "good", "--at", "0.14")
    assert "--at=0.14" in said
    assert "0.1 is the nearest of 0.1, 0.2" in said
    assert "--at" in refused(capsys, tmp_path / "good", "--at", "much")
    assert "--at" in refused(capsys, tmp_path / "good", "--at")
    assert "--epsilon" in refused(capsys, tmp_path / "good", "--epsilon", "0.1")
    assert not list(tmp_path.rglob("epsilon.*")), "nothing was written"


def test_a_folder_that_cannot_be_written_is_told(tmp_path, capsys):
    write_sweep(tmp_path)
    (tmp_path / "epsilon.md").mkdir()
    assert main(["epsilon", str(tmp_path)]) == 2
    assert f"{tmp_path} cannot be written" in capsys.readouterr().err


def test_the_command_prints_and_writes(tmp_path, capsys):
    write_sweep(tmp_path, images=1000)
    assert main(["epsilon", str(tmp_path), "--at", "1/5"]) == 0
    said = capsys.readouterr().out
    assert said.count("For ε = ") == 1
    assert "For ε = 0.2: choose pgd training at 0.2" in said
    assert "For ε = 0.2: choose pgd" in (tmp_path / "epsilon.md").read_text()
    rows = list(csv.DictReader((tmp_path / "epsilon.csv").open()))
    assert [(r["training"], r["training_epsilon"]) for r in rows] == [
        *[("standard", "none"), ("noise", "0.1"), ("pgd", "0.1"), ("pgd", "0.2")]
    ]
    assert rows[3]["seeds"] == "0 1"
    assert rows[3]["robust_0.2_by_seed"] == "0.64 0.66"
    assert rows[3]["num_evaluated"] == "1000"
    assert float(rows[3]["robust_0.2"]) == pytest.approx(0.65)
    assert float(rows[3]["gain_0.2"]) == pytest.approx(0.55)
    assert float(rows[3]["clean_cost"]) == pytest.approx(0.06)
    # Without --at: a line for each test epsilon, and one over all.
    assert main(["epsilon", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert [
        line.partition(":")[0] for line in said.splitlines() if "For ε" in line
    ] == [*("For ε = 0.1", "For ε = 0.2", "For ε = 0 to 0.2")]


def test_long_tables_are_in_the_files_only(tmp_path, capsys, monkeypatch):
    write_sweep(tmp_path)
    write_sweep(tmp_path, strategy="median")
    monkeypatch.setattr("fedrobust.commands.epsilon.MOST_ROWS", 7)
    assert main(["epsilon", str(tmp_path), "--at", "0.1"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "strategy=fedavg"
    assert said[2] == "strategy=median"
    assert said[1].startswith("For ε = 0.1: choose pgd")


def test_a_sweep_of_real_runs(tmp_path):
    """Standard training at two epsilons is one run, and one row."""
    done = fedrobust(
        "run", "-m", "experiment=epsilon", *SMALL, "training=standard,pgd",
        "training.epsilon=0.1,0.2", "attack.epsilon=[0.1,0.2]", "seed=0",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("epsilon/*/model.keras"))) == 3
    done = fedrobust("epsilon", "epsilon", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("For ε = ") == 3
    folder = tmp_path / "epsilon"
    rows = list(csv.DictReader((folder / "epsilon.csv").open()))
    assert [(r["training"], r["training_epsilon"]) for r in rows] == [
        *[("standard", "none"), ("pgd", "0.1"), ("pgd", "0.2")]
    ]
    result = json.loads(next(folder.glob("*/result.json")).read_text())
    assert {r["num_evaluated"] for r in rows} == {str(result["num_evaluated"])}
    for name in ("epsilon.md", "training_epsilon.png", "clean_against_robust.png"):
        assert (folder / name).is_file()
        assert name in done.stdout
