"""Everything that a strategy carries from one round to the next, as one value."""

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from strategies.records.storable import storable


@storable
@dataclass(frozen=True, kw_only=True)
class RosterState:
    """What a roster without given client ids has found out.

    Node ids are Flower's, which draws them anew for every run: over other nodes this
    state says nothing.

    Attributes
    ----------
    said, numbered
        Client ids by node, of those that said theirs and of those that were numbered.
    seen
        Nodes that were there in some round.
    settled
        Nodes that are not asked again which partition they hold.
    has_answers
        Whether the ClientApp can answer.
    """

    said: dict[int, int] = field(default_factory=dict)
    numbered: dict[int, int] = field(default_factory=dict)
    seen: tuple[int, ...] = ()
    settled: tuple[int, ...] = ()
    has_answers: bool = True


@storable
@dataclass(frozen=True, kw_only=True)
class ServerState:
    """The state of a :class:`strategies.RobustStrategy` after a round.

    ``strategies.records.to_records`` makes it arrays and JSON.

    Attributes
    ----------
    round
        The last round that was aggregated or skipped; 0 before the first.
    arrays
        The global arrays after that round, by name; empty before the first round.
    rule
        What the rule returned as its state.
    postprocessors
        What each postprocessor returned as its state; empty before the first round.
    server_optimizer
        What the server optimiser returned as its state.
    roster
        Which client each node is, where the strategy found that out itself.
    """

    round: int = 0
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    rule: Any = None
    postprocessors: tuple[Any, ...] = ()
    server_optimizer: Any = None
    roster: RosterState = field(default_factory=RosterState)
