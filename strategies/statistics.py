"""Arrays that travel beside the update, such as batch-norm statistics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.pipeline import Pipeline
from strategies.rules.base import Aggregate
from strategies.screening import Reply, Specs


@dataclass(frozen=True)
class Statistics:
    """Which arrays are statistics, and how many false ones are withstood.

    Parameters
    ----------
    names
        Names of the arrays.
    optional
        Names of those that a client may leave unchanged; it then has no vote on them.
    f
        Number of Byzantine clients: with at most 2f votes an optional array stays as it
        is.
    """

    names: frozenset[str]
    optional: frozenset[str]
    f: int

    def learned(self, specs: Specs) -> list[str]:
        """Name the arrays that make up the update: floats that are no statistics.

        Integers stay as they are.
        """
        return [
            name
            for name, spec in specs.items()
            if name not in self.names and np.issubdtype(spec.dtype, np.floating)
        ]

    def stack(
        self, names: Sequence[str], replies: Sequence[Reply]
    ) -> dict[str, NDArray[Any]]:
        """Return what clients sent, (n, ...) for each array, in the order of names."""
        return {
            name: np.stack([reply.arrays[name] for reply in replies])
            for name in names
            if name in self.names
        }

    def combine(
        self,
        sent: Mapping[str, NDArray[Any]],
        old: Mapping[str, NDArray[Any]],
        aggregate: Aggregate,
        pipeline: Pipeline,
    ) -> dict[str, NDArray[Any]]:
        """Combine what the clients sent, as :meth:`Pipeline.follow` does.

        Parameters
        ----------
        sent
            What ``stack`` returned.
        old
            The global arrays.
        aggregate, pipeline
            The aggregated update, and the pipeline that returned it.

        Returns
        -------
        The arrays that change, in their own dtype.
        """
        new: dict[str, NDArray[Any]] = {}
        for name, rows in sent.items():
            votes = np.ones(len(rows), bool)
            if name in self.optional:
                votes = (rows != old[name]).reshape(len(rows), -1).any(axis=1)
                if votes.sum() <= 2 * self.f:
                    continue
            new[name] = pipeline.follow(rows, aggregate, votes)
        return new
