"""What a client keeps in its Context, as plain values that can be stored."""

from collections.abc import Mapping
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, MetricRecord, RecordDict

from strategies.transport.arrays import pack_all, unpack_all

# The records of a client by name, each with its kind: {"momentum": {"arrays": {...}}}.
Kept = Mapping[str, Mapping[str, Mapping[str, Any]]]

# Name of the secrets of secure aggregation. They end with the round.
SECAGG = "secagg"


def kept_in(records: RecordDict) -> Kept:
    """Return records as plain values; arrays are read-only views.

    Secrets of a round are left out, so that no checkpoint has them.

    Raises
    ------
    UnreadableArrayError
        When an array is not one of NumPy's.
    """
    kept: dict[str, dict[str, dict[str, Any]]] = {}
    for name, record in records.items():
        if name == SECAGG:
            continue
        if isinstance(record, ArrayRecord):
            kept[name] = {"arrays": unpack_all(record)}
        elif isinstance(record, MetricRecord):
            kept[name] = {"metrics": dict(record)}
        else:
            kept[name] = {"config": dict(record)}
    return kept


def records_of(kept: Kept) -> RecordDict:
    """Return the records that ``kept_in`` made plain."""
    records = RecordDict()
    for name, entry in kept.items():
        ((kind, values),) = entry.items()
        if kind == "arrays":
            records[name] = pack_all(values)
        elif kind == "metrics":
            records[name] = MetricRecord(dict(values))
        else:
            records[name] = ConfigRecord(dict(values))
    return records
