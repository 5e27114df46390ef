"""Whether one score is above another by chance, by hand."""

import pytest

from fedrobust.report.scores import Difference, Score


def score_of(*values, image_error=0.0):
    return Score(dict(enumerate(values)), image_error)


def test_seeds_are_compared_in_pairs_by_hand():
    # Differences of 2, 3 and 4 points: a standard deviation of 1, and t(0.975) with two
    # degrees of freedom is 4.3027, so 3 ± 4.3027 / sqrt(3). By themselves both rows
    # spread by 10 points and more, which the pairs have in common.
    low = score_of(0.60, 0.70, 0.80)
    found = score_of(0.62, 0.73, 0.84).minus(low)
    assert found.value == pytest.approx(0.03)
    assert found.margin == pytest.approx(0.024841, abs=1e-6)
    assert (found.num_seeds, found.is_decided) == (3, True)
    assert low.minus(score_of(0.62, 0.73, 0.84)).is_decided
    # 1, 2 and 3 points: 2 ± 2.48.
    assert not score_of(0.61, 0.72, 0.83).minus(low).is_decided
    # 3, 3 and 0 points: 2 ± 4.3027 sqrt(3) / sqrt(3).
    assert score_of(0.63, 0.73, 0.80).minus(low).margin == pytest.approx(
        0.043027, abs=1e-6
    )


def test_what_is_decided_agrees_with_the_printed_digits():
    assert Difference(0.0126, 0.0124, 3).is_decided
    # 1.2 ± 1.2, and 0.0 ± 0.0.
    assert not Difference(0.0124, 0.0116, 3).is_decided
    assert not Difference(0.0003, 0.0, 3).is_decided


@pytest.mark.parametrize("seeds", [(0,), (0, 1), (1, 2, 3), (0, 1, 2, 3)])
def test_fewer_than_three_seeds_and_other_seeds_have_no_difference(seeds):
    other = Score(dict.fromkeys(seeds, 0.5), 0.0)
    same = Score(dict.fromkeys(seeds, 0.6), 0.0)
    assert score_of(0.6, 0.6, 0.6).minus(other) is None
    assert (same.minus(other) is None) == (len(seeds) < 3)


def test_the_images_explain_the_sum_of_two_errors_of_both():
    # 80 and 92 of 100 images: 2 (0.04 + 0.027129) = 13.4 points.
    high, low = score_of(0.92, image_error=0.027129), score_of(0.80, image_error=0.04)
    assert high.image_margin(low) == pytest.approx(0.134258)
    assert high.error == 0.027129


def test_guessing_is_beaten_over_seeds_and_over_images():
    # 16, 18 and 20: 18 ± 4.97 over seeds.
    assert score_of(0.16, 0.18, 0.20).beats(0.13)
    assert not score_of(0.16, 0.18, 0.20).beats(0.14)
    # Seeds that agree leave what the test set has by chance.
    assert not score_of(0.12, 0.12, image_error=0.01).beats(0.10)
    assert score_of(0.13, 0.13, image_error=0.01).beats(0.10)
