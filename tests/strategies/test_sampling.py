"""Which clients a round samples."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from strategies.sampling import poisson_clients, sample_clients, sample_size


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


def test_a_poisson_sample_has_each_client_with_the_probability_and_alone():
    n, rounds, q = 40, 1000, 0.3
    drawn = np.zeros((rounds, n))
    for round in range(rounds):
        drawn[round, poisson_clients(range(n), q, 5, round)] = 1
    # Five standard errors each: of a client's share, and of the sizes' mean and spread.
    assert np.abs(drawn.mean(axis=0) - q).max() < 5 * np.sqrt(q * (1 - q) / rounds)
    sizes, variance = drawn.sum(axis=1), n * q * (1 - q)
    assert abs(sizes.mean() - n * q) < 5 * np.sqrt(variance / rounds)
    assert abs(sizes.var() / variance - 1) < 5 * np.sqrt(2 / rounds)
    # Two clients are drawn together as often as independent ones.
    together = (drawn.T @ drawn / rounds)[~np.eye(n, dtype=bool)]
    assert abs(together.mean() - q**2) < 0.01


@given(
    clients=st.lists(st.integers(0, 10**18), unique=True, max_size=20),
    probability=st.floats(0.01, 1),
    seed=st.integers(0, 2**128),
    round=st.integers(1, 99),
)
def test_a_poisson_sample_depends_on_its_key_alone(clients, probability, seed, round):
    found = poisson_clients(clients, probability, seed, round)
    assert found == poisson_clients(clients[::-1], probability, seed, round)
    assert found == sorted(set(found))
    assert set(found) <= set(clients)
    if probability == 1:
        assert found == sorted(clients)
