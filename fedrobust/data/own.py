"""A data set of arrays that a user's function returned."""

from dataclasses import dataclass
from typing import Any

from fedrobust.data.dataset import Dataset


@dataclass(frozen=True, kw_only=True)
class Given(Dataset):
    """A data set that is already in memory.

    Parameters
    ----------
    arrays
        The arrays, in any form that ``split_of`` takes.
    giver
        Origin of the arrays, for error messages.
    """

    arrays: Any
    giver: str

    @property
    def source(self) -> str:
        """The origin of the arrays, for error messages."""
        return self.giver

    def read(self) -> Any:
        """Return the arrays, which ``load`` will check."""
        return self.arrays
