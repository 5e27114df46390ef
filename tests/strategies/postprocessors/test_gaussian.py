"""Clipping of rows and Gaussian noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strategies.postprocessors.gaussian import add_noise, clip_rows

SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 40))
ROWS = arrays(np.float32, SHAPES, elements=st.floats(-(2.0**100), 2.0**100, width=32))
CLIPS = st.floats(1e-3, 1e3)


def lengths_of(rows) -> np.ndarray:
    return np.sqrt((rows.astype(np.float64) ** 2).sum(axis=1))


@given(ROWS, CLIPS)
def test_no_row_is_longer_than_the_clip_even_after_rounding(rows, clip):
    found, lengths = clip_rows(rows, clip)
    assert (lengths_of(found) <= clip * (1 + 1e-14)).all()
    np.testing.assert_allclose(lengths, lengths_of(rows), rtol=1e-12)
    # Those that are longer keep their direction and nearly the whole length.
    is_long = lengths > clip
    np.testing.assert_allclose(lengths_of(found)[is_long], clip, rtol=1e-6)
    np.testing.assert_array_equal(found[~is_long], rows[~is_long])


def test_a_row_of_three_and_four_is_shortened_to_length_one():
    rows = np.array([[3, 4], [0.3, 0.4], [0, 0], [3e38, 0]], np.float32)
    found, lengths = clip_rows(rows, 1.0)
    np.testing.assert_allclose(
        found, [[0.6, 0.8], [0.3, 0.4], [0, 0], [1, 0]], rtol=3e-7
    )
    np.testing.assert_allclose(lengths, [5, 0.5, 0, 3e38], rtol=1e-6)
    assert rows[0].tolist() == [3, 4]


def test_noise_has_the_standard_deviation_it_should_have():
    rng = np.random.default_rng(0)
    draws = np.stack(
        [add_noise(np.full(50, 7, np.float32), 0.3, rng) for _ in "x" * 400]
    )
    noise = (draws - 7.0).ravel() / 0.3
    n = len(noise)
    # Standard errors of the mean, of the standard deviation and of the fourth moment.
    assert abs(noise.mean()) < 5 / np.sqrt(n)
    assert abs(noise.std() - 1) < 5 / np.sqrt(2 * n)
    assert abs((noise**4).mean() - 3) < 5 * np.sqrt(96 / n)
    # Neither neighbours nor draws one after the other have anything in common.
    for first, second in ((draws[:, 1:], draws[:, :-1]), (draws[1:], draws[:-1])):
        shared = np.corrcoef(first.ravel(), second.ravel())[0, 1]
        assert abs(shared) < 5 / np.sqrt(n)


@pytest.mark.parametrize("std", [0.0, 1e39])
def test_no_noise_changes_no_bit_and_too_much_is_infinite(std):
    vector = np.array([0.1, -3e38], np.float32)
    found = add_noise(vector, std, np.random.default_rng(1))
    assert found.dtype == np.float32
    assert np.isfinite(found).all() == (std == 0)
    if std == 0:
        np.testing.assert_array_equal(found, vector)
