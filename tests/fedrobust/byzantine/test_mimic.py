"""Mimic, and the client that it copies."""

import numpy as np
import pytest

from fedrobust.byzantine import AttackContext, Mimic
from tests.fedrobust.byzantine.updates import HONEST, normal


def test_mimic_of_a_fixed_client_follows_its_id():
    attack = Mimic(mode="fixed", client=7)
    context = AttackContext(clients=[2, 7, 9])
    np.testing.assert_array_equal(attack(HONEST, 2, context), [[3, 0]] * 2)
    gone = AttackContext(clients=[2, 3, 9])
    np.testing.assert_array_equal(attack(HONEST, 1, gone), [[1, 0]])
    assert [context.chosen, gone.chosen] == [{"client": 7}, {"client": 2}]
    np.testing.assert_array_equal(Mimic(mode="fixed", client=2)(HONEST, 1), [[5, 6]])


def test_mimic_without_a_client_keeps_the_first_of_the_first_round():
    memory: dict = {}
    attack = Mimic(mode="fixed")
    attack(HONEST, 1, AttackContext(clients=[4, 5, 6], memory=memory))
    later = AttackContext(round=2, clients=[1, 4, 9], memory=memory)
    np.testing.assert_array_equal(attack(HONEST, 1, later), [[3, 0]])


def test_mimic_takes_the_client_furthest_along_the_direction_of_most_variance():
    # All variance is along the first axis, so one power step gives z = (1, 0) or
    # (-1, 0), and the client is one of the two ends.
    honest = np.array([[-9, 1], [0, 1], [1, 1], [10, 1]], np.float32)
    found = {
        tuple(Mimic()(honest, 1, AttackContext(seed=seed))[0]) for seed in range(20)
    }
    assert found == {(-9, 1), (10, 1)}


def test_mimic_keeps_copying_the_same_client_when_rows_change():
    memory: dict = {}
    ids = [3, 5, 8, 11]
    honest = normal(4)
    attack = Mimic()
    first = attack(honest, 2, AttackContext(clients=ids, memory=memory))
    chosen = memory["client"]
    np.testing.assert_array_equal(first, [honest[ids.index(chosen)]] * 2)
    assert set(memory) == {"client", "rounds"}
    others = [chosen + 100, chosen, 0]
    later = AttackContext(round=2, clients=others, memory=memory)
    np.testing.assert_array_equal(attack(honest[:3], 1, later)[0], honest[1])
    assert memory["client"] == chosen


def test_mimic_warms_up_for_as_many_rounds_as_it_acts_in():
    memory: dict = {}
    attack = Mimic(warmup=3)
    honest = normal(6, 4, seed=1)
    for round in (1, 4, 6):
        attack(honest, 1, AttackContext(round=round, memory=memory))
        if round < 6:
            assert np.linalg.norm(memory["z"]) == pytest.approx(1)
    assert memory["rounds"] == 3
    # The second step by hand: the mean of two equal means is that mean.
    one: dict = {}
    two: dict = {}
    Mimic(warmup=9)(honest, 1, AttackContext(memory=one))
    z = one["z"]
    Mimic(warmup=9)(honest, 1, AttackContext(memory=two))
    Mimic(warmup=9)(honest, 1, AttackContext(round=2, memory=two))
    centred = honest - honest.mean(axis=0, dtype=np.float64)
    step = centred.T @ (centred @ z)
    expected = z / 2 + step / np.linalg.norm(step) / 2
    np.testing.assert_allclose(two["z"], expected / np.linalg.norm(expected))
