"""Reading npz files, which may be torn, foreign or made to look larger than memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.errors import summary_of


def read_npz(
    path: Path,
    names: Sequence[str],
    *,
    optional: Sequence[str] = (),
    required: Sequence[str] = (),
) -> dict[str, NDArray[Any]]:
    """Read arrays of an npz file.

    Parameters
    ----------
    path
        Of the file.
    names, optional
        The arrays to read, and others to read if the file has them.
    required
        More arrays that the file must have; they are not read.

    Raises
    ------
    KeyError
        When the file lacks an array; with the list of all that it lacks.
    ValueError
        When it cannot be read, for whatever reason; with the reason.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            needed = dict.fromkeys((*names, *required))
            lacking = [name for name in needed if name not in file]
            wanted = [*names, *(name for name in optional if name in file)]
            found = {} if lacking else {name: file[name] for name in wanted}
    except Exception as error:
        # NumPy, zip and its codecs raise nearly anything, MemoryError for an array that
        # claims to be larger than memory.
        raise ValueError(summary_of(error)) from error
    if lacking:
        raise KeyError(lacking)
    return found
