"""Label flipping: train on labels turned around.

    y' = C - 1 - y

Biggio, Nelson, Laskov: Support Vector Machines Under Adversarial Label Noise, ACML
2011; in this form Karimireddy, He, Jaggi, ICLR 2022. The attacker knows its own data.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedrobust.byzantine.base import DataPoisoning


@dataclass(frozen=True, kw_only=True)
class LabelFlip(DataPoisoning):
    """Swap the first class with the last, the second with the last but one, ..."""

    def poison(
        self, x: NDArray[np.float32], y: NDArray[np.int32], num_classes: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Keep the images, flip the labels."""
        return x, (num_classes - 1 - y).astype(np.int32)
