"""The cells of an HTML table: how they are aligned, sorted and linked."""

import math
import os
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from fedrobust.report.column import Texts
from fedrobust.report.content import Table
from fedrobust.report.marks import RAISED

# A number with decimals, and what follows its whole part: ".1 ± 0.4".
_DECIMAL = re.compile(r"([-−]?\d+)(\.\d.*)", re.DOTALL)
# A number, and the raised letters of its footnotes: "97.1ᵃ,ᵇ".
_RAISED = "".join(RAISED.values())
_MARKED = re.compile(f"(.*?)([{_RAISED}]+(?:,[{_RAISED}]+)*)", re.DOTALL)
_PLAIN = str.maketrans({raised: letter for letter, raised in RAISED.items()})
# Widths of characters other than digits, in digits.
_WIDTHS = {".": 0.55, ",": 0.55, " ": 0.55, "±": 1.35, **dict.fromkeys(_RAISED, 0.75)}
# Characters of a cell that stays on one line.
LONGEST_LINE = 28
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
    marks
        The letter of each footnote of the number, and how it is shown.
    """

    text: str
    tail: str = ""
    number: str | None = None
    key: str | None = None
    link: str = ""
    marks: Sequence[tuple[str, str]] = ()

    @property
    def is_long(self) -> bool:
        """Whether the text is wrapped, where that of other cells stays on one line."""
        return len(self.text) + len(self.tail) > LONGEST_LINE


def tail_widths(texts: Texts) -> list[float]:
    """Return the width that each column needs from its decimal points on, in digits.

    0 where aligning at the right aligns the points, too.
    """
    widths = []
    for column, name in enumerate(texts.names):
        found = [_DECIMAL.fullmatch(row[column]) for row in texts.rows]
        tails = {_width(match[2]) for match in found if match}
        is_even = len(tails) < 2 and all(found)
        widths.append(0 if name in texts.left or is_even else max(tails, default=0))
    return widths


def _width(text: str) -> float:
    """Return the width of a text in digits, in most fonts a little too much."""
    return round(sum(_WIDTHS.get(character, 1) for character in text), 2)


def cells(
    table: Table, widths: Sequence[float], letters: Container[str] = ()
) -> Iterator[list[Cell]]:
    """List the cells of each row of a table; ``letters`` are those of its footnotes."""
    is_number = [name not in table.texts.left for name in table.texts.names]
    rows = table.texts.rows
    links = table.links or [""] * len(rows)
    keys = table.sort_keys or [[*row] for row in rows]
    for texts, row_keys, link in zip(rows, keys, links, strict=True):
        row = [
            _cell(text, key, width, letters if numeric else ())
            for text, key, width, numeric in zip(
                texts, row_keys, widths, is_number, strict=True
            )
        ]
        if link:
            row[0] = replace(row[0], link=_address(link))
        yield row


def _cell(text: str, key: Key, width: float, letters: Container[str]) -> Cell:
    plain, marks = _unmarked(text, letters)
    match = _DECIMAL.fullmatch(plain) if width else None
    head, tail = match.groups() if match else (plain, "")
    if isinstance(key, str):
        return Cell(head, tail, key=None if key == text else key, marks=marks)
    return Cell(head, tail, number=_number(key), marks=marks)


def _unmarked(
    text: str, letters: Container[str]
) -> tuple[str, Sequence[tuple[str, str]]]:
    """Return a number without its marks, and each of them as in ``Cell.marks``."""
    match = _MARKED.fullmatch(text)
    shown = match[2].split(",") if match else []
    marks = [(word.translate(_PLAIN), word) for word in shown]
    if not match or any(letter not in letters for letter, _ in marks):
        return text, ()
    return match[1], marks


def _number(key: float | None) -> str:
    """Return a number as JavaScript reads it; empty if there is none."""
    if key is None or math.isnan(key):
        return ""
    return repr(float(key)).replace("inf", "Infinity")


def _address(path: str) -> str:
    """Return the address of a path, in which no part can be a scheme or a host."""
    return re.sub("^/+", "/", quote(os.fsencode(path)))
