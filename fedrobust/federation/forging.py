"""Writing an update of one's own into a reply."""

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
    """Make the arrays of a client whose update is another one.

    Parameters
    ----------
    own
        The arrays of its honest reply; statistics among them are kept.
    sent
        The global arrays it was sent, by name.
    update
        (d,) what it shall have learned.
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
