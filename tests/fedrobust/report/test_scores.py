"""Whether one score is above another by chance, by hand."""

import pytest

from fedrobust.report.scores import Score


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
