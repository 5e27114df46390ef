"""Backdoors: attacks that poison data, tamper, and have a success rate."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedrobust.byzantine.base import Images, Labels, Vector
from fedrobust.byzantine.poisoning import DataPoisoning
from fedrobust.byzantine.tampering import ClientContext, Tampering
from strategies.validation import require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class Backdoor(DataPoisoning, Tampering):
    """A client that teaches the global model to predict its target on a trigger.

    Parameters
    ----------
    target
        The class that the model should predict on the trigger.
    share
        Share of the client's images that it poisons, above 0, at most 1.
    boost
        Factor of the update, above 0. Model replacement sends n / b times the update,
        so that the mean becomes the attacker's model (Bagdasaryan et al., AISTATS 2020,
        Equation 3).
    """

    target: int = 0
    share: float = 0.5
    boost: float = 1.0

    def __post_init__(self) -> None:
        require_between("target", self.target, 0)
        require_positive("share", self.share)
        require_between("share", self.share, 0, 1)
        require_positive("boost", self.boost)

    def tamper(
        self,
        update: Vector,
        rng: np.random.Generator,
        context: ClientContext | None = None,
    ) -> Vector:
        """Boost the update."""
        return np.float32(self.boost) * update

    @abstractmethod
    def victims(
        self, x: Images, y: Labels, num_classes: int
    ) -> tuple[Images, NDArray[np.int64]]:
        """Return the inputs on which the attacker wants its target predicted.

        Parameters
        ----------
        x, y
            (n, ...) clean test images and (n,) labels; not modified.
        num_classes
            Number of classes; labels are smaller.

        Returns
        -------
        (m, ...) images, none of them of class target, and their (m,) row numbers in x.
        The success rate of the backdoor is the share for which the model predicts the
        target.
        """
