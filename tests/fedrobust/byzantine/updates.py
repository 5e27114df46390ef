"""Honest updates, and a server that an attacker may ask."""

import numpy as np

from fedrobust.byzantine import AttackContext

# Means 3 and 2; standard deviations (ddof 1) 2 and sqrt(12).
HONEST = np.array([[1, 0], [3, 0], [5, 6]], np.float32)


def normal(h: int = 12, d: int = 30, seed: int = 0) -> np.ndarray:
    """Updates about a mean that is not zero."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=d) + rng.normal(size=(h, d))).astype(np.float32)


def against(rule, honest: np.ndarray) -> AttackContext:
    """Let the attacker ask a server that applies a rule."""
    return AttackContext(
        aggregate=lambda crafted: rule(np.concatenate([honest, crafted])).vector
    )


def rng_of(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)
