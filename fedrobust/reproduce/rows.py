"""Reading results.csv: every row is one that a run could have written."""

import csv
import io
from collections.abc import Sequence
from math import inf, isfinite
from pathlib import Path

from fedrobust.errors import ConfigError, nearest
from fedrobust.reproduce.definition import Cell, Reproduction

Row = dict[str, str]
# By cell and seed.
Rows = dict[tuple[Cell, int], Row]


def read_rows(reproduction: Reproduction, path: Path, names: Sequence[str]) -> Rows:
    """Read a results file; without one there are no rows.

    Parameters
    ----------
    reproduction
        Whose results they are.
    path
        Of the file.
    names
        The columns that it must have.

    Raises
    ------
    ConfigError
        When it has others, or a row that no run could have written; with its line, the
        column and the value.
    """
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no text: {error}; mend it") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if reader.fieldnames != list(names):
        raise ConfigError(
            f"{path} is of another version: it has the columns {reader.fieldnames}, "
            f"not {list(names)}; move it away to start anew"
        )
    found: Rows = {}
    for row in reader:
        said = f"{path}, line {reader.line_num}"
        cell = tuple(row[column] for column in reproduction.columns)
        seed = row["seed"]
        whole = None not in row and None not in row.values() and seed.isdecimal()
        if not whole or (cell, int(seed)) in found:
            raise ConfigError(
                f"{said}: must have one value a column, a whole seed, and no second "
                "row of its run; mend it"
            )
        _check_row(reproduction, row, said)
        found[cell, int(seed)] = row
    return found


def _check_row(reproduction: Reproduction, row: Row, said: str) -> None:
    for column, choices in reproduction.columns.items():
        if row[column] not in choices:
            raise ConfigError(
                f"{said}: {column} has no value {row[column]!r}, "
                f"{nearest(row[column], choices)}; mend it"
            )
    for name, measure in reproduction.measures.items():
        lacks = measure.may_lack and not row[name]
        if not lacks and not _within(row[name], measure.scale):
            raise ConfigError(
                f"{said}: {name} is {row[name]!r}: must be a number in "
                f"[0, {measure.scale:g}]; mend it"
            )
    if not _within(row["minutes"], inf):
        raise ConfigError(
            f"{said}: minutes is {row['minutes']!r}: must be a number, at least 0; "
            "mend it"
        )


def _within(text: str, most: float) -> bool:
    try:
        return 0 <= float(text) <= most and isfinite(float(text))
    except ValueError:
        return False
