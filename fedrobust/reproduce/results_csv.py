"""Reading results.csv: every row is one that a run could have written."""

import csv
import io
from collections.abc import Sequence
from math import inf, isfinite
from pathlib import Path

from fedrobust.errors import ConfigError, nearest
from fedrobust.files import unreadable
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
    has, rows = read_table(path, "mend it")
    if has != list(names):
        lacks = [name for name in names if name not in has]
        unknown = [name for name in has if name not in names]
        wrong = f"missing: {lacks}, unknown: {unknown}"
        raise ConfigError(
            f"{path} is of another version by its columns "
            f"({wrong if lacks or unknown else 'in another order'}); move it away to "
            "start anew"
        )
    found: Rows = {}
    for line, row in rows:
        said = f"{path}, line {line}"
        cell = tuple(row[column] for column in reproduction.columns)
        seed = row["seed"]
        if None in row or None in row.values():
            raise ConfigError(f"{said}: must have one value a column; mend it")
        if not seed.isdecimal():
            raise ConfigError(f"{said}: seed is {seed!r}: must be whole; mend it")
        if (cell, int(seed)) in found:
            raise ConfigError(f"{said}: a second row of this run; take one away")
        _check_row(reproduction, row, said)
        found[cell, int(seed)] = row
    return found


def read_table(path: Path, advice: str) -> tuple[list[str], list[tuple[int, Row]]]:
    """Read a table.

    Returns
    -------
    Its columns, and the line and the values of each row; too many are under None.

    Raises
    ------
    FileError
        When it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""))
        rows = [(reader.line_num, row) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise unreadable(path, error, advice) from error
    return list(reader.fieldnames or []), rows


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
