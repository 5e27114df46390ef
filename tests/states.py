"""States in tests: stored and read again, and compared bit by bit."""

import io
import json
import struct
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from strategies.records import from_records, to_records


def stored(value: Any) -> Any:
    """Write a value as one .npz and one JSON text, and read it from them."""
    arrays, tree = to_records(value)
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    file.seek(0)
    with np.load(file, allow_pickle=False) as read:
        text = json.dumps(tree, allow_nan=False, sort_keys=True)
        return from_records(dict(read), json.loads(text))


def bits(value: Any) -> Any:
    """Return a value in which everything that differs compares as different."""
    kind = type(value)
    if isinstance(value, np.ndarray | np.generic):
        return kind, value.dtype.str, value.shape, value.tobytes()
    if kind is float:
        return kind, struct.pack(">d", value)
    if is_dataclass(value):
        return kind, [(f.name, bits(getattr(value, f.name))) for f in fields(value)]
    if isinstance(value, dict):
        return kind, [(bits(key), bits(part)) for key, part in value.items()]
    if isinstance(value, list | tuple):
        return kind, [bits(part) for part in value]
    return kind, value
