"""The inputs on which oracles are compared, and how far two answers are apart."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

# Half a unit in the last place of float32, and a little for float64 before it.
ROUNDING = 6.1e-8
# What a few float32 additions leave of a step in [0, 1]. A sign that differs moves a
# pixel by a step, thousands of times as far.
SAME_PIXEL = 1e-6
# An l2 step carries the rounding of the gradient on, into gradients elsewhere. Two
# answers of float32 stay this close, and hundreds of times closer than to float64's.
SAME_L2_PIXEL = 1e-5

Draw = Callable[[np.random.Generator, int, int, int], np.ndarray]


class Case(NamedTuple):
    """(n, d) float32 updates of which f may be Byzantine, and their kind."""

    kind: str
    f: int
    updates: np.ndarray

    @property
    def n(self) -> int:
        """Number of updates."""
        return len(self.updates)

    @property
    def wide(self) -> np.ndarray:
        """A fresh float64 copy, as oracles get it: some write into their input."""
        return self.updates.astype(np.float64)

    def __str__(self) -> str:
        return f"{self.kind}, (n, d) = {self.updates.shape}, f = {self.f}"


def _outliers(rng: np.random.Generator, n: int, d: int, f: int) -> np.ndarray:
    updates = rng.normal(size=(n, d))
    updates[:f] *= 1e3
    return updates


def _copies(rng: np.random.Generator, n: int, d: int, f: int) -> np.ndarray:
    """As colluding clients do: all of them send the same."""
    updates = rng.normal(size=(n, d))
    updates[:f] = updates.mean(axis=0) + 1.5 * updates.std(axis=0)
    return updates


KINDS: dict[str, Draw] = {
    "normal": lambda rng, n, d, f: rng.normal(size=(n, d)),
    "tiny": lambda rng, n, d, f: 1e-6 * rng.normal(size=(n, d)),
    "huge": lambda rng, n, d, f: 1e6 * rng.normal(size=(n, d)),
    "close": lambda rng, n, d, f: 10 + 0.01 * rng.normal(size=(n, d)),
    "heavy tails": lambda rng, n, d, f: rng.standard_t(1.5, size=(n, d)),
    "outliers": _outliers,
    "copies": _copies,
}


def cases(
    sizes: tuple[int, ...] = (3, 4, 5, 7, 8, 11, 15),
    widths: tuple[int, ...] = (1, 3, 40),
    needed: Callable[[int], int] = lambda f: 2 * f + 1,
    least_f: int = 0,
) -> Iterator[Case]:
    """Draw a case of each kind for each n, d and f.

    Parameters
    ----------
    sizes, widths
        Every n and d. One more width spans two of the blocks that rules work in.
    needed
        The fewest updates for f.
    least_f
        The least f.
    """
    shapes = [(n, d) for n in sizes for d in widths] + [(sizes[-1], 16_500)]
    for n, d in shapes:
        for f in range(least_f, n):
            if needed(f) > n:
                break
            kinds = ["outliers"] if d > max(widths) else list(KINDS)
            for kind in kinds:
                rng = np.random.default_rng([n, d, f, list(KINDS).index(kind)])
                updates = rng.permutation(KINDS[kind](rng, n, d, f))
                yield Case(kind, f, updates.astype(np.float32))


def deviation(ours: np.ndarray, theirs: np.ndarray, case: object = None) -> float:
    """Return the largest difference over the largest value of the oracle's answer.

    An answer that is zero but for float64's rounding counts as 1e-8 of the largest
    update, where the case is known.
    """
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    assert ours.size
    floor = 1e-8 * np.abs(case.updates).max() if isinstance(case, Case) else 0.0
    apart, largest = np.abs(ours - theirs).max(), max(np.abs(theirs).max(), floor)
    return float(apart / largest) if largest > 0 else float(apart)
