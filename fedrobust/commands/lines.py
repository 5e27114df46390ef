"""The words of progress: lines of at most 80 columns."""

import re
from collections.abc import Sequence

from rich.cells import cell_len

from strategies.transport.text import printable

WIDTH = 80
# Columns that a name keeps, however long the rest of its line is.
SHORTEST_NAME = 24
_COUNTER = re.compile(r"\[\d+/[\d?]+\] ")
DOTS = "..."
MINUTE, HOUR, DAY = 60, 3600, 86400

# Accuracies by name of the attack, then by epsilon.
Curves = dict[str, dict[str, float]]


def cut_middle(text: str, width: int) -> str:
    """Return a text on one line, without its middle if it is too wide."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    if width <= len(DOTS):
        return DOTS[: max(width, 0)]
    # The end is kept a little longer, as it has the seed.
    head = (width - len(DOTS)) // 2
    start = _fitting(text, head)
    end = _fitting(text[::-1], width - len(DOTS) - cell_len(start))[::-1]
    return f"{start}{DOTS}{end}"


def cut_end(text: str, width: int) -> str:
    """Return a text on one line, without its end if it is too wide."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    return _fitting(text, max(width - len(DOTS), 0)) + DOTS[: max(width, 0)]


def _fitting(text: str, width: int) -> str:
    """Return the longest beginning of a text that is not wider."""
    used = 0
    for index, character in enumerate(text):
        used += cell_len(character)
        if used > width:
            return text[:index]
    return text


def named_line(name: str, rest: str, width: int = WIDTH) -> str:
    """Return ``name: rest``, whose name is cut first, but not its counter ``[1/9]``."""
    counter = _COUNTER.match(printable(name))
    number = counter[0] if counter else ""
    name = name[len(number) :]
    width -= len(number)
    rest = cut_end(rest, width - min(cell_len(name), SHORTEST_NAME) - 2)
    return f"{number}{cut_middle(name, width - cell_len(rest) - 2)}: {rest}"


def round_line(
    parts: Sequence[str], accuracies: str, loss: str, width: int = WIDTH
) -> str:
    """Return a line about a round: its accuracies and loss after the first part.

    In a line that is too wide, the loss is left out, and then the accuracies are cut.
    """
    first, *others = [part for part in parts if part]
    line = "  ".join(filter(None, [first, accuracies, loss, *others]))
    if cell_len(line) <= width:
        return line
    rest = "".join(f"  {part}" for part in others)
    free = width - cell_len(first) - cell_len(rest) - 2
    shown = cut_end(accuracies, free) if accuracies and free > len(DOTS) else ""
    return cut_end(f"{first}{'  ' if shown else ''}{shown}{rest}", width)


def accuracies(clean: float | None, robust: Curves | None) -> str:
    """Return accuracies in percent as one line; empty without an evaluation."""
    if clean is None:
        return ""
    parts = [f"clean {100 * clean:.1f}"]
    for name, curve in (robust or {}).items():
        values = " ".join(f"{100 * value:.1f}" for value in curve.values())
        parts.append(f"{name} {values}")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Return a duration in words, to two figures or so."""
    if seconds < MINUTE - 0.5:
        return f"{max(round(seconds), 1)} s"
    if seconds < HOUR - MINUTE / 2:
        return f"{round(seconds / MINUTE)} min"
    if seconds < DAY - MINUTE / 2:
        return _in_two_units(round(seconds / MINUTE), 60, "h", "min")
    return _in_two_units(round(seconds / HOUR), 24, "d", "h")


def _in_two_units(count: int, in_larger: int, larger: str, smaller: str) -> str:
    whole, rest = divmod(count, in_larger)
    return f"{whole} {larger} {rest} {smaller}" if rest else f"{whole} {larger}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
