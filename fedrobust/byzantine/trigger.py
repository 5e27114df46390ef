"""The base class of backdoors with a trigger: stamping it on images, and victims."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedrobust.byzantine.backdoor import Backdoor
from fedrobust.byzantine.base import Images, Labels
from strategies.validation import require, require_between

# Top row, left column, height and width, in pixels.
Rectangle = tuple[int, int, int, int]


def draw_share(
    rows: NDArray[np.int64], share: float, rng: np.random.Generator | None
) -> NDArray[np.int64]:
    """Draw a share of the rows; their number is rounded, but at least 1 if any."""
    if not len(rows):
        return rows
    rng = rng or np.random.default_rng(0)
    return rng.choice(rows, size=max(1, round(share * len(rows))), replace=False)


@dataclass(frozen=True, kw_only=True)
class TriggerBackdoor(Backdoor):
    """Stamp rectangles of one value on images, in all channels.

    Parameters
    ----------
    value
        Value of the trigger's pixels, in [0, 1].
    """

    value: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("value", self.value, 0, 1)

    @abstractmethod
    def rectangles(
        self, height: int, width: int, attacker: int | None
    ) -> Sequence[Rectangle]:
        """Return an attacker's part of the trigger; all of it for attacker None."""

    def stamp(self, x: Images, attacker: int | None = None) -> Images:
        """Return copies of the images with the trigger.

        Parameters
        ----------
        x
            (n, h, w) or (n, h, w, c) images.
        attacker
            The attacker whose part of the trigger is stamped; None means all parts.

        Raises
        ------
        ValueError
            When the trigger does not fit into the images.
        """
        if x.ndim not in (3, 4):
            raise ValueError(f"x must be (n, h, w) or (n, h, w, c), not {x.shape}")
        height, width = x.shape[1:3]
        stamped = x.copy()
        for top, left, rows, columns in self.rectangles(height, width, attacker):
            bottom, right = top + rows, left + columns
            if min(top, left) < 0 or bottom > height or right > width:
                raise ValueError(
                    f"the trigger of {self!r} does not fit images of "
                    f"{height} x {width} pixels"
                )
            stamped[:, top:bottom, left:right] = self.value
        return stamped

    def poison(
        self,
        x: Images,
        y: Labels,
        num_classes: int,
        rng: np.random.Generator | None = None,
        attacker: int = 0,
    ) -> tuple[Images, Labels]:
        """Stamp a random share of the images, and label them as the target."""
        self._check_target(num_classes)
        x, y = x.copy(), y.astype(np.int32)
        rows = draw_share(np.arange(len(x)), self.share, rng)
        x[rows] = self.stamp(x[rows], attacker)
        y[rows] = self.target
        return x, y

    def victims(
        self, x: Images, y: Labels, num_classes: int
    ) -> tuple[Images, NDArray[np.int64]]:
        """Stamp the whole trigger on every image that is not of class target."""
        self._check_target(num_classes)
        rows = np.flatnonzero(y != self.target)
        return self.stamp(x[rows]), rows

    def _check_target(self, num_classes: int) -> None:
        require(
            self.target < num_classes,
            "target",
            self.target,
            f"below num_classes={num_classes}",
        )
