"""Training and test images in memory."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Split:
    """Training and test images with their labels.

    Attributes
    ----------
    x_train, x_test
        (n, height, width, channels) float32 in [0, 1].
    y_train, y_test
        (n,) int32 labels.
    num_classes
        Number of classes.
    ids_train
        (n,) natural id of each training image, such as its writer; None without ids.
    class_names
        A name for each class; None if classes have only numbers.
    """

    x_train: NDArray[np.float32]
    y_train: NDArray[np.int32]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int32]
    num_classes: int
    ids_train: NDArray[Any] | None = None
    class_names: Sequence[str] | None = None

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of a hash of the images and labels."""
        hashed = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            hashed.update(np.ascontiguousarray(array).data)
        return hashed.hexdigest()[:16]
