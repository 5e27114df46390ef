"""A user's own data set, as a ``_target_`` names it."""

from typing import Any

import numpy as np

from fedrobust.data import Dataset


def table(seed: int = 0) -> Any:
    """Three classes of four figures, as Keras gives data sets."""
    rng, y = np.random.default_rng(seed), np.arange(60) % 3
    x = rng.random((60, 4)) / 4 + y[:, None] / 3
    return (x[:48], y[:48]), (x[48:], y[48:])


def short(num_train: int) -> Any:
    """As many as are asked for."""
    (x, y), test = table()
    return (x[:num_train], y[:num_train]), test


def anything(**options: Any) -> Any:
    """Takes all keys that it is given."""
    assert not options
    return table()


class Loader:
    """Has a method that loads."""

    def load(self) -> Any:
        return table()


class Table(Dataset):
    """The three classes as a class of its own."""

    def read(self) -> Any:
        return table()


def dataset() -> Dataset:
    """Chooses how many images there are, and takes no key."""
    return Table(num_train=20)


class Seeded(Dataset):
    """Has an ``__init__`` of its own, with none of the common keys."""

    def __init__(self, seed: int) -> None:
        super().__init__(num_train=20)
        object.__setattr__(self, "seed", seed)

    def read(self) -> Any:
        return table(self.seed)


def seeded() -> Dataset:
    """Takes no key."""
    return Seeded(1)


def broken() -> Any:
    """Raises what nobody expects."""
    raise KeyError("column")
