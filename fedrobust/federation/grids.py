"""The grids that stand between the strategy and the clients, in their one order."""

from collections.abc import Callable, Mapping

from flwr.serverapp import Grid

from fedrobust.federation.adversary import Adversary
from fedrobust.federation.cohort import Cohort, CohortGrid
from strategies.transport.grids import HandOver, guarded


def grid_for(
    grid: Grid,
    client_ids: Mapping[int, int],
    cohort: Cohort | None = None,
    adversary: Callable[[Grid], Adversary] | None = None,
) -> tuple[Grid, Adversary | None]:
    """Stack the grids of an experiment on the one that carries the messages.

    A message goes down this list, and its reply comes up again:

    1. ``HandOver`` keeps no reply once the strategy has read it.
    2. ``Adversary`` sees all honest replies, and rewrites those of colluding clients.
    3. ``CohortGrid`` trains clients together before train messages go out.
    4. ``Guard`` lets no node answer for another.
    5. ``grid`` carries the messages.

    Parameters
    ----------
    grid
        Any Flower grid.
    client_ids
        Client id of each node.
    cohort
        Trains the clients together, if anything does.
    adversary
        Wraps a grid in the adversary, if clients collude.

    Returns
    -------
    The uppermost grid, and the adversary in the stack, or None.
    """
    stack: Grid = guarded(grid)
    if cohort is not None:
        stack = CohortGrid(stack, cohort, client_ids)
    colluding = None if adversary is None else adversary(stack)
    return HandOver(colluding or stack), colluding
