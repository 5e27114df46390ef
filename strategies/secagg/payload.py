"""Reading what the other side sent: nothing in it is believed before it is checked."""

from collections.abc import Mapping
from typing import Any

from strategies.secagg.errors import ProtocolError

# Plain values, each of a kind that a ConfigRecord of Flower can hold.
Payload = Mapping[str, Any]


def read_bytes(payload: Payload, name: str, length: int) -> bytes:
    """Return an entry that is so many bytes, or raise ProtocolError."""
    value = payload.get(name)
    if type(value) is not bytes or len(value) != length:
        raise ProtocolError(f"{name!r} is not {length} bytes")
    return value


def read_int(payload: Payload, name: str, low: int, high: int) -> int:
    """Return an entry that is an integer in [low, high], or raise ProtocolError."""
    value = payload.get(name)
    if type(value) is not int or not low <= value <= high:
        raise ProtocolError(f"{name!r} is not an integer in [{low}, {high}]")
    return value


def read_indices(payload: Payload, name: str) -> list[int]:
    """Return a list of different numbers of members, or raise ProtocolError."""
    value = payload.get(name)
    if not isinstance(value, list) or any(type(i) is not int or i < 0 for i in value):
        raise ProtocolError(f"{name!r} is not a list of members")
    if len(set(value)) != len(value):
        raise ProtocolError(f"{name!r} lists a member twice")
    return value


def read_list(payload: Payload, name: str, count: int, *lengths: int) -> list[bytes]:
    """Return ``count`` byte strings, each of one of the lengths.

    Without lengths, any will do.

    Raises
    ------
    ProtocolError
        When the entry is anything else.
    """
    value = payload.get(name)
    if not isinstance(value, list) or len(value) != count:
        raise ProtocolError(f"{name!r} is not a list of {count} entries")
    for entry in value:
        if type(entry) is not bytes or (lengths and len(entry) not in lengths):
            raise ProtocolError(
                f"{name!r} has an entry that is not "
                f"{' or '.join(map(str, lengths)) or 'any'} bytes"
            )
    return value
