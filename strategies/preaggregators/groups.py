"""Groups: the mean of each random group of clients, so that a rule sees groups.

    y_j = mean of the updates in group j,  max(1, floor(n / g)) groups of g or more

Velicheti, Xia, Koyejo: Secure Byzantine-Robust Distributed Learning via Clustering,
arXiv 2110.02940, 2021 (SHARE). Each Byzantine update spoils one group, so b of them
spoil at most b rows, and a rule that withstands less than half needs b < n / (2g).

Bucketing makes its last bucket smaller; here no group has fewer than g members, since
under secure aggregation the group is what hides a client.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from strategies.linalg.rows import Matrix, combinations_of
from strategies.preaggregators.base import Preaggregator
from strategies.randomness import Draw, server_generator
from strategies.rules.base import RuleContext
from strategies.validation import require_between


def num_groups(n: int, size: int) -> int:
    """Return the number of groups that n clients form."""
    return max(1, n // size)


def groups_of(
    clients: Sequence[int], size: int, seed: int, round: int
) -> list[list[int]]:
    """Divide clients into random groups, keyed by the seed and the round.

    Parameters
    ----------
    clients
        Ids of the sampled clients, in any order.
    size
        Members of a group; what remains is spread over the groups.
    seed, round
        The key of the draw. Whoever knows it knows the groups: they are public.

    Returns
    -------
    The ids of each group, in random order.
    """
    ids = sorted(clients)
    # Places, not ids: those may be node ids, which exceed NumPy's integers.
    order = server_generator(seed, Draw.GROUPS, round).permutation(len(ids))
    parts = np.array_split(order, num_groups(len(ids), size))
    return [[ids[place] for place in part] for part in parts]


@dataclass(frozen=True, kw_only=True)
class Groups(Preaggregator):
    """Average the updates of each random group.

    The groups are drawn among ``context.sampled``, so that clients whose updates are
    missing change no group; a group without any update has no row.

    Parameters
    ----------
    size
        Members of a group, at least 1; some groups have more.
    """

    keeps_places: ClassVar[bool] = False

    size: int = 3

    def __post_init__(self) -> None:
        require_between("size", self.size, 1)

    def num_rows(self, n: int) -> int:
        """Return the number of groups."""
        return num_groups(n, self.size)

    def preaggregate(self, updates: Matrix, context: RuleContext) -> Matrix:
        """Average groups; where the rows of a group are equal, that is the row."""
        clients = context.ids(len(updates))
        sampled = clients if context.sampled is None else context.sampled
        unknown = sorted(set(clients) - set(sampled))
        if unknown:
            raise ValueError(
                f"clients {unknown} have updates and are not in context.sampled"
            )
        groups = groups_of(sampled, self.size, context.seed, context.round)
        present = np.array([[c in group for c in clients] for group in groups], float)
        weights = present[present.any(axis=1)]
        return combinations_of(updates, weights / weights.sum(axis=1, keepdims=True))
