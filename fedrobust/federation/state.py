"""The whole state of a run: everything that outlives a round, in one value.

Everything else can be computed again. Random draws are keyed by seed and round;
learning-rate schedules and warm-ups are functions of the round; data, partition, model
and graphs follow from the configuration. Records of a run (its rows, its events and
Flower's own history) are never read by a later round.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from fedrobust.privacy.ledger import Ledger
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

    ``strategies.records.to_records`` converts it to arrays and JSON. On the local
    runtime, a run of the same configuration that is restored to it continues with the
    same bits.
    On Ray and in a deployment, the nodes keep the Contexts of their clients, and the
    state does not contain them: new nodes start without the momentum, the control
    variates and the other records of their clients, so the bits differ if there are
    any.

    Attributes
    ----------
    server
        ``round``, the last finished round; ``arrays``, the global arrays after it,
        including SCAFFOLD's control variate c; the states of the ``rule``, of the
        ``postprocessors`` and of the ``server_optimizer``; and the ``roster``, which
        assigns client ids where the strategy is not given them.
    collusion
        The memory of the colluding clients, such as the client that Mimic copies.
    clients
        The content of each client's Context, by partition id: its momentum, its own
        control variate, and the last model that a tampering client saw. A client
        without an entry has not trained yet.
    spent
        The number of private releases that each client is in, by client id.
    optimizer
        Variables of the optimiser in centralised training, where one optimiser serves
        all rounds; None in a federation.
    """

    server: ServerState = field(default_factory=ServerState)
    collusion: dict[str, Any] = field(default_factory=dict)
    clients: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    spent: dict[int, int] = field(default_factory=dict)
    optimizer: list[NDArray[Any]] | None = None

    @property
    def round(self) -> int:
        """The last finished round; 0 before the first."""
        return self.server.round

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The global arrays after that round, by name."""
        return self.server.arrays


def state_of(
    strategy: "RobustStrategy",
    adversary: "Adversary | None" = None,
    nodes: "LocalGrid | None" = None,
    ledger: Ledger | None = None,
) -> RunState:
    """Return the state of a federation between two rounds.

    Parameters
    ----------
    strategy
        The strategy of the server.
    adversary
        The adversary, if clients collude.
    nodes
        The grid that holds the clients' Contexts. On other runtimes each node holds its
        own Context.
    ledger
        What has been spent of the clients' privacy, if anything counts it.
    """
    return RunState(
        server=strategy.state(),
        collusion={} if adversary is None else adversary.memory(),
        clients={} if nodes is None else nodes.kept(),
        spent={} if ledger is None else ledger.counts,
    )


def restore(
    state: RunState,
    strategy: "RobustStrategy",
    adversary: "Adversary | None" = None,
    nodes: "LocalGrid | None" = None,
    ledger: Ledger | None = None,
) -> None:
    """Set a new federation of the same configuration to a state.

    Parameters
    ----------
    state
        A return value of ``state_of`` for objects of the same kinds.
    strategy, adversary, nodes, ledger
        The objects to restore, as for ``state_of``.

    Raises
    ------
    ValueError
        When the state has records of clients, and no grid is given to hold them.
        Nothing is restored then.
    """
    if state.clients and nodes is None:
        raise ValueError(
            f"the state has records of {len(state.clients)} clients, and no grid is "
            "given to hold them: restore it on the local runtime, or pass a state "
            "without clients"
        )
    strategy.restore(state.server)
    if adversary is not None:
        adversary.restore(state.collusion)
    if nodes is not None:
        nodes.restore(state.clients)
    if ledger is not None:
        ledger.restore(state.round, state.spent)
