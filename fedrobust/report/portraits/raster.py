"""What became of each client's update in each round, as an array."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedrobust.record.round_row import RoundRow
from fedrobust.record.training_record import RecordedEvent

NOT_SAMPLED, COUNTED, EXCLUDED, QUARANTINED, FAILED, SKIPPED = range(6)
# More rows or columns would be finer than print.
MOST_CLIENTS, MOST_ROUNDS = 100, 300


@dataclass(frozen=True)
class Raster:
    """Clients by round.

    Attributes
    ----------
    clients
        Ids of the rows: the clients that are ever Byzantine, then the others.
    num_byzantine
        The number of rows of clients that are ever Byzantine.
    rounds
        The rounds of the columns.
    states
        (clients, rounds) states.
    attacks
        (clients, rounds) whether the client was sampled and Byzantine.
    """

    clients: list[int]
    num_byzantine: int
    rounds: list[int]
    states: NDArray[np.int8]
    attacks: NDArray[np.bool_]


def raster(
    rows: Sequence[RoundRow],
    events: Collection[RecordedEvent],
    num_clients: int,
    byzantine: Collection[int] = (),
) -> Raster:
    """Return what became of every client in every round.

    Parameters
    ----------
    rows, events
        The rounds, and the events in which clients were quarantined or failed.
    num_clients
        The number of clients.
    byzantine
        Ids of the Byzantine clients, as far as they are known before the rounds.
    """
    hostile = set(byzantine).union(*(row.byzantine for row in rows))
    everybody = sorted(range(num_clients), key=lambda c: (c not in hostile, c))
    place = {client: i for i, client in enumerate(everybody)}
    states = np.full((num_clients, len(rows)), NOT_SAMPLED, np.int8)
    attacks = np.zeros(states.shape, bool)
    quarantined = {(e.round, e.client) for e in events if e.event == "quarantined"}
    for column, row in enumerate(rows):
        excluded, accepted = set(row.excluded or ()), set(row.accepted)
        for client in row.sampled:
            if (row.round, client) in quarantined:
                state = QUARANTINED
            elif client not in accepted:
                state = FAILED
            elif row.skipped is not None:
                state = SKIPPED
            else:
                state = EXCLUDED if client in excluded else COUNTED
            states[place[client], column] = state
        attacks[[place[client] for client in row.byzantine], column] = True
    rounds = [row.round for row in rows]
    return Raster(everybody, len(hostile), rounds, states, attacks)


def cropped(full: Raster) -> Raster:
    """Return the last rounds, and of both kinds of clients the first, that fit."""
    kept = min(full.num_byzantine, MOST_CLIENTS // 2)
    honest = range(full.num_byzantine, len(full.clients))[: MOST_CLIENTS - kept]
    rows = [*range(kept), *honest]
    last = slice(-MOST_ROUNDS, None)
    return Raster(
        [full.clients[i] for i in rows],
        kept,
        full.rounds[last],
        full.states[rows, last],
        full.attacks[rows, last],
    )
