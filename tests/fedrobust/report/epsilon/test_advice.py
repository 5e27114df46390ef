"""The training epsilon that is recommended, and why."""

import json

import numpy as np
import pytest

from fedrobust.report import (
    collect,
    epsilon_markdown,
    epsilon_matrices,
    epsilon_note,
    recommend,
)
from tests.fedrobust.report.epsilon.sweeps import SWEEP, changed, matrix_of, write_sweep


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
