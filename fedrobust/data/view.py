"""Rows of a data set, gathered when they are needed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rows:
    """Some rows of a (n, ...) array, which are copied only where they are asked for.

    A client of one step a round needs 32 of its images, not all of them.
    """

    pool: NDArray[Any]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Copy rows, numbered from 0 among those that are held."""
        chosen: NDArray[Any] = self.pool[self.rows[index]]
        return chosen
