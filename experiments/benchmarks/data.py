"""What both sides train on."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Of MNIST's pixels; our models standardise in their first layer.
MEAN, STD = 0.1307, 0.3081


def mnist(num_train: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Read the first training images, (n, 28, 28) in [0, 1], and labels.

    Raises
    ------
    FileNotFoundError
        When the machine has no MNIST.
    """
    folder = os.environ.get("FEDROBUST_DATA", "~/.cache/fedrobust")
    path = Path(folder).expanduser() / "mnist.npz"
    with np.load(path) as file:
        x, y = file["x_train"][:num_train], file["y_train"][:num_train]
    return (x.reshape(-1, 28, 28) / 255).astype(np.float32), y.astype(np.int64)
