"""Fang's attack of the FLANDERS baseline, step by step."""

import numpy as np
import pytest

from fedrobust.byzantine import AttackContext, FangFlanders


def fang_as_coded(first, honest, own, layers, threshold=1e-5):
    """The published steps one by one, on models: what all Byzantine clients send."""
    b = len(own)

    def krum(models):
        squared = np.array([[np.sum((x - y) ** 2) for y in models] for x in models])
        nearest = np.sort(squared, axis=1)[:, 1 : len(models) - b - 1]
        return nearest.sum(axis=1)

    least = krum(np.concatenate([honest, own]))[: len(honest)].min()
    least /= (len(honest) + b - 2) * (b - 1) * len(layers) ** 0.5
    parts = [np.split(x - first, np.cumsum(layers)[:-1]) for x in honest]
    furthest = max(sum(np.linalg.norm(part) for part in x) ** 2 for x in parts)
    size = min(least + furthest / len(layers) ** 0.5, 999)
    while True:
        sent = np.tile(first - size * np.sign(first), (b, 1))
        chosen = np.argmin(krum(np.concatenate([honest, sent])))
        if chosen >= len(honest) or size <= threshold:
            return sent
        size /= 2


@pytest.mark.parametrize("spread", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("seed", range(4))
def test_fang_of_the_flanders_baseline_step_by_step(seed, spread):
    rng = np.random.default_rng(seed)
    start, layers = rng.normal(size=7).astype(np.float32), [4, 3]
    first, *later = (rng.normal(size=(3, 12, 7)) * spread).astype(np.float32)
    attack, memory = FangFlanders(), {}
    attack.watch(first, AttackContext(parameters=start, memory=memory))
    attack.watch(later[0], AttackContext(parameters=start, memory=memory))
    now = (start + 0.1).astype(np.float32)
    honest, own = later[1][:9], later[1][9:]
    known = AttackContext(parameters=now, own=own, layers=layers, memory=memory)
    crafted = attack(honest, 3, known)
    expected = fang_as_coded(
        (start + first[0]).astype(np.float64), now + honest, now + own, layers
    )
    np.testing.assert_allclose(now + crafted, expected, rtol=1e-4, atol=1e-4)


def test_fang_of_the_flanders_baseline_ends_as_the_old_model():
    memory: dict[str, np.ndarray] = {}
    attack, zero = FangFlanders(), np.zeros(2, np.float32)
    old = np.array([[100, -100], [0, 0]], np.float32)
    attack.watch(old, AttackContext(parameters=zero, memory=memory))
    honest = np.eye(8, 2, dtype=np.float32)
    known = AttackContext(parameters=zero, own=honest[:2], memory=memory)
    np.testing.assert_allclose(attack(honest, 2, known), old[[0, 0]], atol=2e-5)
    with pytest.raises(ValueError, match="parameters"):
        attack(honest, 2, AttackContext(own=honest[:2]))
    with pytest.raises(ValueError, match="at least 5 clients"):
        attack.check(4, 2)
