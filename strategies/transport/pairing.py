"""What a grid returns, checked: which id belongs to which message, and the replies.

Flower's own grids write the id of each message into it. Other grids may keep their ids
to themselves, and then only the order tells which message an id stands for.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from flwr.app import Message


def by_id(sent: Sequence[Message], ids: Any, grid: str) -> dict[Any, Message]:
    """Return each message that a grid took, by the id that its reply is pulled with.

    Parameters
    ----------
    sent
        What was pushed.
    ids
        What ``push_messages`` returned. Flower's grids leave out the ids of messages
        that the SuperLink refuses, or return None in their place. They are strings
        there; whatever can be a key of a dictionary will do.
    grid
        Name of the grid's type, for error messages.

    Raises
    ------
    TypeError
        When these are no ids.
    ValueError
        When there is more than one way to pair them with the messages, or none.
    """
    given = _listed(ids)
    if given is None or not all(isinstance(i, Hashable) for i in given):
        raise TypeError(
            f"{grid}.push_messages gave {_kind(ids, given)} where Flower's Grid gives "
            "a list of ids, or None for a message not sent"
        )
    own = {m.metadata.message_id: m for m in sent if m.metadata.message_id}
    taken = [i for i in given if i is not None]
    if len(own) == len(sent) and own.keys() >= set(taken):
        return {i: own[i] for i in taken}
    in_order = not isinstance(ids, set | frozenset)
    if in_order and len(given) == len(sent) and len(set(taken)) == len(taken):
        pairs = zip(given, sent, strict=True)
        return {i: message for i, message in pairs if i is not None}
    raise ValueError(
        f"{grid}.push_messages gave a {type(ids).__name__} of {len(given)} ids, "
        f"{len(set(given))} of them distinct, for {len(sent)} messages that bear no "
        "such ids: it must give one id for each, in their order, or None for a message "
        "not sent"
    )


def messages_of(pulled: Any, grid: str) -> list[Message]:
    """Return what ``pull_messages`` returned as a list.

    Raises
    ------
    TypeError
        When it holds anything but messages.
    """
    found = _listed(pulled)
    if found is None or not all(isinstance(reply, Message) for reply in found):
        raise TypeError(
            f"{grid}.pull_messages gave {_kind(pulled, found)} where Flower's Grid "
            "gives a list of messages: wrap the grid in one whose pull_messages gives "
            "these alone"
        )
    return found


def _listed(given: Any) -> list[Any] | None:
    """Return the items of what a grid gave; None where it is no collection."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        return None
    return list(given)


def _kind(given: Any, items: list[Any] | None) -> str:
    """Return the names of the types of what a grid gave."""
    name = type(given).__name__
    if items is None:
        return name
    return f"{name} of {', '.join(sorted({type(item).__name__ for item in items}))}"
