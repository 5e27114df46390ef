"""Updates under secure aggregation: the differences of all float arrays, in float64.

Statistics, such as those of batch normalisation, are floats and travel with the rest.
Arrays of integers are not summed: they keep the values that the server sent.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, Message
from numpy.typing import NDArray

from strategies.screening import MalformedReplyError, read_arrays, specs_of
from strategies.transport.arrays import pack_all, unpack_all
from strategies.updates import add, num_values

Arrays = Mapping[str, NDArray[Any]]


def summed_names(arrays: Arrays) -> list[str]:
    """Return the names of the arrays that are summed."""
    return [n for n, a in arrays.items() if np.issubdtype(a.dtype, np.floating)]


def size_of(record: ArrayRecord) -> int:
    """Return d, the number of values that are summed."""
    arrays = unpack_all(record)
    return num_values(arrays, summed_names(arrays))


def update_in(reply: Message, sent: ArrayRecord) -> NDArray[np.float64]:
    """Return the (d,) update in a reply to the arrays that were sent.

    Raises
    ------
    MalformedReplyError
        When the reply has not one ArrayRecord, or that does not fit what was sent, or
        is not finite.
    """
    records = list(reply.content.array_records.values())
    if len(records) != 1:
        raise MalformedReplyError(f"{len(records)} ArrayRecords, not one")
    new, old = read_arrays(records[0], specs_of(sent)), unpack_all(sent)
    parts = [
        (new[name].astype(np.float64) - old[name]).reshape(-1)
        for name in summed_names(old)
    ]
    return np.concatenate(parts) if parts else np.empty(0)


def moved(sent: ArrayRecord, mean: NDArray[np.float64]) -> ArrayRecord:
    """Return the arrays that were sent, moved by the (d,) mean of updates."""
    old = unpack_all(sent)
    return pack_all(add(old, mean, summed_names(old)))
