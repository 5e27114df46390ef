"""The training data of both sides."""

import os
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Mean and deviation of MNIST; our models standardise in their first layer.
MEAN, STD = 0.1307, 0.3081


@lru_cache(maxsize=1)
def mnist(num_train: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Read the first training images, (n, 28, 28) in [0, 1], and labels, once.

    Raises
    ------
    FileNotFoundError
        When the machine has no MNIST.
    """
    folder = os.environ.get("FEDROBUST_DATA", "~/.cache/fedrobust")
    path = Path(folder).expanduser() / "mnist.npz"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there: `fedrobust run dataset=mnist dataset.download=true` "
            "fetches it, or set FEDROBUST_DATA to the folder that has it"
        )
    with np.load(path) as file:
        x, y = file["x_train"][:num_train], file["y_train"][:num_train]
    return (x.reshape(-1, 28, 28) / 255).astype(np.float32), y.astype(np.int64)
