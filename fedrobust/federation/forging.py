"""Replace the update in a reply."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flwr.app import ArrayRecord
from numpy.typing import NDArray

from fedrobust.byzantine.base import Vector
from strategies.transport.arrays import pack
from strategies.updates import add


def forge(
    own: ArrayRecord,
    sent: Mapping[str, NDArray[Any]],
    update: Vector,
    learned: Sequence[str],
) -> ArrayRecord:
    """Return the arrays of a reply with its update replaced.

    Parameters
    ----------
    own
        The arrays of the honest reply; statistics among them are kept.
    sent
        The global arrays that the client was sent, by name.
    update
        (d,) the update that takes the place of the honest one.
    learned
        Names of the arrays that make up an update.
    """
    forged = add(sent, update, learned)
    names: Collection[str] = set(learned)
    return ArrayRecord(
        {
            name: pack(forged[name]) if name in names else array
            for name, array in own.items()
        }
    )
