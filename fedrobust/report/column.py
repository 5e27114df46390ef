"""A column of a report, for tables and for CSV files."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from fedrobust.record.escape import guarded

Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One figure of every row.

    Attributes
    ----------
    name
        The name of the column in CSV files.
    value
        Returns the value of a row in CSV files; None if the row has none.
    text
        Returns the text of a row in tables; None for a column of CSV files only.
    heading
        The heading in tables; None means the name.
    is_label
        Whether the column identifies rows; tables align it at the left.
    is_optional
        Whether the column is left out if no row has a value.
    """

    name: str
    value: Callable[[Row], object]
    text: Callable[[Row], str] | None = None
    heading: str | None = None
    is_label: bool = False
    is_optional: bool = False


@dataclass(frozen=True)
class Texts:
    """The texts of a table: headings, rows, and the headings aligned at the left."""

    names: list[str]
    rows: list[list[str]]
    left: list[str]


def shown(columns: Sequence[Column[Row]], rows: Sequence[Row]) -> Texts:
    """Return the texts of a table."""
    visible = [
        (column.heading or column.name, column.text, column.is_label)
        for column in columns
        if column.text is not None
    ]
    return Texts(
        names=[heading for heading, _, _ in visible],
        rows=[[text(row) for _, text, _ in visible] for row in rows],
        left=[heading for heading, _, is_label in visible if is_label],
    )


def csv_text(parts: Sequence[tuple[Sequence[Column[Row]], Sequence[Row]]]) -> str:
    """Return a CSV file of rows, each part with columns of its own.

    A column that a part lacks is empty in its rows.
    """
    return csv_of_rows(
        [
            {column.name: column.value(row) for column in columns}
            for columns, rows in parts
            for row in rows
        ]
    )


def csv_of_rows(rows: Sequence[Mapping[str, object]]) -> str:
    """Return a CSV file of rows by column; texts are no formulas to a spreadsheet."""
    names = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(names))
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {k: guarded(v) if isinstance(v, str) else v for k, v in row.items()}
        )
    return text.getvalue()
