"""A lazy view of some rows of a data set."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rows:
    """Some rows of an (n, ...) array, which are copied only when they are indexed.

    For example, a client that takes one step per round needs only one batch.
    """

    pool: NDArray[Any]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Return copies of rows, which are numbered from 0 within the view."""
        chosen: NDArray[Any] = self.pool[self.rows[index]]
        return chosen
