"""The names of defences, attacks and settings in tables of rules against attacks."""

from collections import Counter
from collections.abc import Mapping, Sequence

from fedrobust.report.groups import SeedGroup
from fedrobust.report.labels import NO_EPSILON
from fedrobust.report.measures import short

# What a row and a column of the grid consist of: keys, and groups of keys.
DEFENCE = ("strategy", "preaggregator", "strategy/server_optimizer")
ATTACK = ("byzantine", "byzantine_from_round", "byzantine_redraw", "byzantine_clients")
# Choices that change nothing, and are no part of a defence's name.
NEUTRAL = {"preaggregator": "none", "strategy/server_optimizer": "sgd"}
# A sentence names no more rules than this.
MOST_NAMES = 3
# Values of a group in some columns.
Labels = tuple[str, ...]


def is_defence(name: str) -> bool:
    """Return whether a column of labels belongs to the defence."""
    return name in DEFENCE or name.startswith(("strategy.", "preaggregator."))


def is_attack(name: str) -> bool:
    """Return whether a column of labels belongs to the Byzantine attack."""
    return name in ATTACK or name.startswith("byzantine.")


def words(group: SeedGroup, names: Sequence[str]) -> str:
    """Return the labels of a group in some columns: choices as they are, keys named."""
    return " ".join(
        value
        if name in ("strategy", "byzantine", "preaggregator")
        else _named(name, value)
        for name in names
        if (value := group.labels[name]) not in ("", "None", NEUTRAL.get(name))
        and not (value == NO_EPSILON and name.endswith("epsilon"))
    )


def _named(name: str, value: str) -> str:
    if name.endswith("epsilon"):
        value = short(value)
    return f"{name.replace('/', '.').rpartition('.')[2]}={value}"


def labels_of(group: SeedGroup, columns: Sequence[str]) -> Labels:
    """Return the values of a group in some columns."""
    return tuple(group.labels[name] for name in columns)


def names_of(
    groups: Mapping[Labels, SeedGroup], columns: Sequence[str], choice: str = ""
) -> dict[Labels, str]:
    """Return a name for each value of some columns, which no other value has.

    Values whose short names agree have the whole key of every column. A name has the
    ``choice``, although all may agree in it.
    """
    always = [] if choice in columns else [choice]
    names = {
        labels: " ".join(
            filter(None, [*(group.choices.get(c, "") for c in always),
                          words(group, columns)])
        )
        for labels, group in groups.items()
    }  # fmt: skip
    counts = Counter(names.values())
    return {
        labels: name if counts[name] == 1 else
        " ".join(f"{key}={value}" for key, value in zip(columns, labels, strict=True))
        for labels, name in names.items()
    }  # fmt: skip


def listed(names: Sequence[str]) -> str:
    """Join a few names by commas, and the last one by "and"; others are counted."""
    more = len(names) - MOST_NAMES
    shown = [*names[:MOST_NAMES], *([f"{more} more"] if more > 0 else [])]
    *first, last = shown
    return f"{', '.join(first)} and {last}" if first else last
