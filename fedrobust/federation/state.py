"""The whole state of a run: everything that outlives a round, in one value.

Nothing else does. Random draws are keyed by seed and round; learning-rate schedules and
warm-ups are functions of the round; data, partition, model and graphs are made from the
configuration alone. No later round reads what is recorded of a run (its rows, its
events, Flower's own history).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from strategies.records import storable
from strategies.state import ServerState

if TYPE_CHECKING:
    from fedrobust.federation.adversary import Adversary
    from fedrobust.runtime.local_grid import LocalGrid
    from strategies import RobustStrategy


@storable
@dataclass(frozen=True, kw_only=True)
class RunState:
    """The state of a run after a round.

    ``strategies.records.to_records`` makes it arrays and JSON. On the local runtime, a
    run of the same configuration that is restored to it goes on with the same bits.
    On Ray and in a deployment, the nodes keep the Contexts of their clients, and the
    state does not contain them: new nodes start without the momentum, the control
    variates and the other records of their clients, so the bits differ if there are
    any.

    Attributes
    ----------
    server
        ``round``, the last one that is over; ``arrays``, the global arrays after it
        (SCAFFOLD's control variate c is among them); the states of the ``rule``, of the
        ``postprocessors`` and of the ``server_optimizer``; and the ``roster``, which
        knows the clients where a strategy is not told their ids.
    collusion
        What the colluding clients remember, such as the client that Mimic copies.
    clients
        What each client keeps in its Context, by partition id: its momentum, its own
        control variate, and the last model that a tampering client saw. Clients without
        a record in it are new.
    optimizer
        Variables of the optimiser of centralised training, which is not made anew each
        round; None in a federation.
    """

    server: ServerState = field(default_factory=ServerState)
    collusion: dict[str, Any] = field(default_factory=dict)
    clients: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    optimizer: list[NDArray[Any]] | None = None

    @property
    def round(self) -> int:
        """The last round that is over; 0 before the first."""
        return self.server.round

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The global arrays after that round, by name."""
        return self.server.arrays


def state_of(
    strategy: "RobustStrategy",
    adversary: "Adversary | None" = None,
    nodes: "LocalGrid | None" = None,
) -> RunState:
    """Return the state of a federation between two rounds.

    Parameters
    ----------
    strategy
        The server.
    adversary
        The adversary, where clients collude.
    nodes
        The grid that holds the clients' Contexts. On other runtimes a client's node
        holds its Context, and keeps it itself.
    """
    return RunState(
        server=strategy.state(),
        collusion={} if adversary is None else adversary.memory(),
        clients={} if nodes is None else nodes.kept(),
    )


def restore(
    state: RunState,
    strategy: "RobustStrategy",
    adversary: "Adversary | None" = None,
    nodes: "LocalGrid | None" = None,
) -> None:
    """Let a new federation of the same configuration go on from a state.

    Parameters
    ----------
    state
        What ``state_of`` returned, of objects of the same kinds.
    strategy, adversary, nodes
        As for ``state_of``.

    Raises
    ------
    ValueError
        When clients keep something, and no grid is given to hold it. Nothing is
        restored then.
    """
    if state.clients and nodes is None:
        raise ValueError(
            f"the state holds what {len(state.clients)} clients keep, and no grid is "
            "given to hold it: restore the state on the local runtime, or one without "
            "clients"
        )
    strategy.restore(state.server)
    if adversary is not None:
        adversary.restore(state.collusion)
    if nodes is not None:
        nodes.restore(state.clients)
