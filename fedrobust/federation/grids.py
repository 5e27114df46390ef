"""The stack of grids between the strategy and the clients."""

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

    A message passes through this list downwards, and its reply upwards:

    1. ``HandOver`` drops each reply once the strategy has read it.
    2. ``Adversary`` sees all honest replies, and rewrites those of colluding clients.
    3. ``CohortGrid`` trains clients together before train messages go out.
    4. ``Guard`` rejects replies of one node in the name of another.
    5. ``grid`` carries the messages.

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

    Returns
    -------
    The uppermost grid, and the adversary in the stack or None.
    """
    stack: Grid = guarded(grid)
    if cohort is not None:
        stack = CohortGrid(stack, cohort, client_ids)
    colluding = None if adversary is None else adversary(stack)
    return HandOver(colluding or stack), colluding
