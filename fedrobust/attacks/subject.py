"""The subject of an attack: a network with its weights, and examples."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fedrobust.network import Arrays, Network
from fedrobust.network.inference import predict

Images = NDArray[np.float32]
Labels = NDArray[np.integer[Any]]
Index = NDArray[np.integer[Any]]
# Called while an attack runs, with the name of the pass, epsilon, the number of
# examples just finished, and their total.
Watch = Callable[[str, float, int, int], None]


@dataclass(frozen=True)
class Subject:
    """A network, and examples to attack it with.

    Attributes
    ----------
    network, arrays
        The model.
    x, y
        (n, ...) examples and (n,) labels.
    index
        (n,) keys of the examples; None means their row numbers.
    seed
        Seed of the attacks' draws, which are keyed by seed and index.
    workers
        Number of threads, None for one per core; it changes no bit.
    watch
        Called with the progress.
    """

    network: Network
    arrays: Arrays
    x: Images
    y: Labels
    index: Index | None = None
    seed: int = 0
    workers: int | None = None
    watch: Watch | None = None

    def __post_init__(self) -> None:
        index = np.arange(len(self.x)) if self.index is None else self.index
        object.__setattr__(self, "x", np.asarray(self.x, np.float32))
        object.__setattr__(self, "y", np.asarray(self.y))
        object.__setattr__(self, "index", np.asarray(index))

    @property
    def keys(self) -> Index:
        """The index, which is set after construction."""
        assert self.index is not None
        return self.index

    def only(self, rows: Any) -> Self:
        """Return the subject restricted to some of the examples."""
        keys = self.keys[rows]
        return replace(self, x=self.x[rows], y=self.y[rows], index=keys)

    def answers(self, x: Images | None = None) -> NDArray[np.int64]:
        """Return the (n,) labels that the model predicts for x, or for the examples."""
        inputs = self.x if x is None else x
        return predict(self.network, self.arrays, inputs, self.workers)

    def is_correct(self, x: Images | None = None) -> NDArray[np.bool_]:
        """Return (n,) whether the model is correct on x, or on the examples."""
        return np.asarray(self.answers(x) == self.y)
