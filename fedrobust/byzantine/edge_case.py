"""Edge cases: train the model to misclassify rare inputs of one class.

    y' = target for the images of class source that lie furthest from their mean

Wang, Sreenivasan, Rajput, Vishwakarma, Agarwal, Sohn, Lee, Papailiopoulos: Attack of
the Tails: Yes, You Really Can Backdoor Federated Learning, NeurIPS 2020. The
attacker knows its own data and update. Honest clients hold few such images that could
correct the model.
The paper takes edge cases from other data sets (Southwest airplanes, digits of ARDIS),
which need a download; this module takes the tail of a class of the same data set.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedrobust.byzantine.backdoor import Backdoor
from fedrobust.byzantine.base import Images, Labels
from fedrobust.byzantine.trigger import draw_share
from strategies.validation import require, require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class EdgeCase(Backdoor):
    """Relabel the edge cases among the client's images; keep all others.

    A client without images of class source poisons nothing.

    Parameters
    ----------
    source
        The class whose edge cases are attacked; not the target.
    target
        The class that the model should predict for them.
    tail
        Share of the images of class source that are edge cases, in (0, 1]; the number
        is rounded, and at least one.
    share
        Share of the client's edge cases that it relabels, in (0, 1].
    """

    target: int = 1
    share: float = 1.0
    source: int = 7
    tail: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("source", self.source, 0)
        require(
            self.source != self.target,
            "source",
            self.source,
            "another class than target",
        )
        require_positive("tail", self.tail)
        require_between("tail", self.tail, 0, 1)

    def edge_cases(self, x: Images, y: Labels, num_classes: int) -> NDArray[np.int64]:
        """Return the rows of class source furthest from their mean, ascending."""
        below = f"below num_classes={num_classes}"
        require(self.source < num_classes, "source", self.source, below)
        require(self.target < num_classes, "target", self.target, below)
        rows = np.flatnonzero(y == self.source)
        if not len(rows):
            return rows
        images = x[rows].reshape(len(rows), -1).astype(np.float64)
        distances = ((images - images.mean(axis=0)) ** 2).sum(axis=1)
        count = max(1, round(self.tail * len(rows)))
        return np.sort(rows[np.argsort(-distances, kind="stable")[:count]])

    def poison(
        self,
        x: Images,
        y: Labels,
        num_classes: int,
        rng: np.random.Generator | None = None,
        attacker: int = 0,
    ) -> tuple[Images, Labels]:
        """Return the images unchanged, with the edge cases relabelled."""
        labels = y.astype(np.int32)
        rows = self.edge_cases(x, y, num_classes)
        labels[draw_share(rows, self.share, rng)] = self.target
        return x, labels

    def victims(
        self, x: Images, y: Labels, num_classes: int
    ) -> tuple[Images, NDArray[np.int64]]:
        """Return the edge cases among the test images, unmodified."""
        rows = self.edge_cases(x, y, num_classes)
        return x[rows], rows
