"""Reading npz files, which may be truncated, foreign, or forged to exceed memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.errors import summary_of


def read_npz(
    path: Path,
    names: Sequence[str] | None,
    *,
    optional: Sequence[str] = (),
    required: Sequence[str] = (),
) -> dict[str, NDArray[Any]]:
    """Return arrays of an npz file by name.

    Parameters
    ----------
    path
        Path of the file.
    names, optional
        Arrays to read, and arrays to read only if the file has them; None reads all.
    required
        Other arrays that the file must have.

    Raises
    ------
    KeyError
        When the file lacks arrays; its argument is the list of their names.
    ValueError
        When the file cannot be read; its message is the reason.
    """
    try:
        # NumPy leaves a path open whose archive is torn.
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            needed = dict.fromkeys((*(names or ()), *required))
            lacking = [name for name in needed if name not in file]
            given = file.files if names is None else names
            wanted = [*given, *(name for name in optional if name in file)]
            arrays = {} if lacking else {name: file[name] for name in wanted}
    except Exception as error:
        # NumPy, zip and its codecs raise nearly anything, such as a MemoryError for an
        # array that claims to be larger than memory.
        raise ValueError(summary_of(error)) from error
    if lacking:
        raise KeyError(lacking)
    return arrays
