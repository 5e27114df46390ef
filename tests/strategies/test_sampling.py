"""Which clients a round samples."""

from hypothesis import given
from hypothesis import strategies as st

from strategies.sampling import sample_clients, sample_size


def test_a_share_of_29_percent_of_100_is_29_not_28():
    assert sample_size(100, 0.29) == 29
    assert sample_size(10, 0.01) == 1
    assert sample_size(15, 1.0) == 15


@given(
    n=st.integers(1, 60),
    fraction=st.floats(0.01, 1),
    seed=st.integers(0, 2**32 - 1),
    round=st.integers(1, 99),
)
def test_the_draw_depends_on_its_key_alone(n, fraction, seed, round):
    forwards = sample_clients(range(n), fraction, seed, round)
    backwards = sample_clients(list(reversed(range(n))), fraction, seed, round)
    assert forwards == backwards == sorted(set(forwards))
    assert len(forwards) == sample_size(n, fraction)


def test_rounds_and_seeds_differ():
    draws = {
        tuple(sample_clients(range(50), 0.2, s, r)) for s in (0, 1) for r in (1, 2)
    }
    assert len(draws) == 4
