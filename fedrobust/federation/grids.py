"""The stack of grids between the strategy and the clients."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from flwr.serverapp import Grid

from fedrobust.federation.adversary import Adversary
from fedrobust.federation.cohort import Cohort, CohortGrid
from strategies.transport.grids import HandOver, guarded

if TYPE_CHECKING:
    from strategies.secagg import GroupGrid


def grid_for(
    grid: Grid,
    client_ids: Mapping[int, int],
    cohort: Cohort | None = None,
    adversary: Callable[[Grid], Adversary] | None = None,
    sums: "Callable[[Grid], GroupGrid] | None" = None,
) -> "tuple[Grid, Adversary | None, GroupGrid | None]":
    """Stack the grids of an experiment on the one that carries the messages.

    A message passes through this list downwards, and its reply upwards:

    1. ``HandOver`` drops each reply once the strategy has read it.
    2. ``SecAggGrid`` or ``IdealGrid`` replaces replies by the means of groups.
    3. ``Adversary`` sees all honest replies, and rewrites those of colluding clients.
       It does not go with ``SecAggGrid``, under which nobody sees them.
    4. ``CohortGrid`` trains clients together before train messages go out.
    5. ``Guard`` rejects replies of one node in the name of another.
    6. ``grid`` carries the messages.

    Parameters
    ----------
    grid
        Any Flower grid.
    client_ids
        Client id of each node.
    cohort
        Trains clients together; None if each trains alone.
    adversary
        Wraps a grid in the adversary; None if no clients collude.
    sums
        Wraps a grid in secure sums, real or ideal ones; None without secure
        aggregation.

    Returns
    -------
    The uppermost grid, and the adversary and the secure sums in the stack or None.
    """
    stack: Grid = guarded(grid)
    if cohort is not None:
        stack = CohortGrid(stack, cohort, client_ids)
    colluding = None if adversary is None else adversary(stack)
    stack = colluding or stack
    summed = None if sums is None else sums(stack)
    return HandOver(summed or stack), colluding, summed
