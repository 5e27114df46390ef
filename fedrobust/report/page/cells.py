"""The cells of an HTML table: how they are aligned, sorted and linked."""

import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fedrobust.report.column import Texts
from fedrobust.report.content import Table

# A number with decimals, and what follows its whole part: ".1 ± 0.4".
_DECIMAL = re.compile(r"([-−]?\d+)(\.\d.*)", re.DOTALL)
Key = float | str | None


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of an HTML table.

    Attributes
    ----------
    text
        The text, or its part before the decimal point.
    tail
        The decimal point and all after it, where the column is aligned at the point.
    number
        The number to sort by; empty if the cell is sorted last, None if by text.
    key
        The text to sort by; None means the text that is shown.
    link
        The address to which the cell links; empty if it does not.
    """

    text: str
    tail: str = ""
    number: str | None = None
    key: str | None = None
    link: str = ""


def tail_widths(texts: Texts) -> list[int]:
    """Return how many characters each column needs after its decimal points.

    0 where aligning at the right aligns the points, too.
    """
    widths = []
    for column, name in enumerate(texts.names):
        found = [_DECIMAL.fullmatch(row[column]) for row in texts.rows]
        tails = {len(match[2]) for match in found if match}
        is_even = len(tails) < 2 and all(found)
        widths.append(0 if name in texts.left or is_even else max(tails, default=0))
    return widths


def cells(table: Table, widths: Sequence[int]) -> Iterator[list[Cell]]:
    """List the cells of each row of a table."""
    rows = table.texts.rows
    links = table.links or [""] * len(rows)
    keys = table.sort_keys or [[*row] for row in rows]
    for texts, row_keys, link in zip(rows, keys, links, strict=True):
        yield [
            _cell(text, key, width, "" if column else _address(link))
            for column, (text, key, width) in enumerate(
                zip(texts, row_keys, widths, strict=True)
            )
        ]


def _cell(text: str, key: Key, width: int, link: str) -> Cell:
    match = _DECIMAL.fullmatch(text) if width else None
    head, tail = match.groups() if match else (text, "")
    if isinstance(key, str):
        return Cell(head, tail, key=None if key == text else key, link=link)
    return Cell(head, tail, number=_number(key), link=link)


def _number(key: float | None) -> str:
    """Return a number as JavaScript reads it; empty if there is none."""
    if key is None or math.isnan(key):
        return ""
    return repr(float(key)).replace("inf", "Infinity")


def _address(path: str) -> str:
    """Return the address of a path, in which no part can be a scheme or a host."""
    return re.sub("^/+", "/", quote(os.fsencode(path))) if path else ""
