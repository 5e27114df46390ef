"""Reading results.csv, and checking that a run could have written each row."""

import csv
import io
from collections.abc import Sequence
from math import inf, isfinite
from pathlib import Path

from fedrobust.errors import ConfigError, nearest
from fedrobust.files import unreadable
from fedrobust.reproduce.definition import Cell, Reproduction

Row = dict[str, str]
# The rows by cell and seed.
Rows = dict[tuple[Cell, int], Row]


def read_rows(reproduction: Reproduction, path: Path, names: Sequence[str]) -> Rows:
    """Read a results file; a missing file has no rows.

    Parameters
    ----------
    reproduction
        The reproduction that the results belong to.
    path
        The file.
    names
        The columns that the file must have.

    Raises
    ------
    ConfigError
        When the file has other columns, or a row that no run could have written. The
        message names the line, the column and the value.
    """
    if not path.is_file():
        return {}
    columns, table = read_table(path, "correct it")
    if columns != list(names):
        missing = [name for name in names if name not in columns]
        unknown = [name for name in columns if name not in names]
        difference = f"missing: {missing}, unknown: {unknown}"
        raise ConfigError(
            f"{path} has the columns of another version "
            f"({difference if missing or unknown else 'in another order'}); move it "
            "away to start again"
        )
    rows: Rows = {}
    for line, row in table:
        where = f"{path}, line {line}"
        cell = tuple(row[column] for column in reproduction.columns)
        seed = row["seed"]
        if None in row or None in row.values():
            raise ConfigError(
                f"{where}: must have one value in each column; correct it"
            )
        if not seed.isdecimal():
            raise ConfigError(
                f"{where}: seed is {seed!r}: must be a whole number; correct it"
            )
        if (cell, int(seed)) in rows:
            raise ConfigError(f"{where}: a second row of this run; remove one")
        _check_row(reproduction, row, where)
        rows[cell, int(seed)] = row
    return rows


def read_table(path: Path, advice: str) -> tuple[list[str], list[tuple[int, Row]]]:
    """Read a table.

    Returns
    -------
    The columns, and the line number and the values of each row. Surplus values of a row
    are under the key None.

    Raises
    ------
    FileError
        When the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""))
        rows = [(reader.line_num, row) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise unreadable(path, error, advice) from error
    return list(reader.fieldnames or []), rows


def _check_row(reproduction: Reproduction, row: Row, where: str) -> None:
    for column, choices in reproduction.columns.items():
        if row[column] not in choices:
            raise ConfigError(
                f"{where}: {column} has no value {row[column]!r}, "
                f"{nearest(row[column], choices)}; correct it"
            )
    for name, measure in reproduction.measures.items():
        is_absent = measure.may_lack and not row[name]
        if not is_absent and not _within(row[name], measure.most):
            raise ConfigError(
                f"{where}: {name} is {row[name]!r}: must be a number in "
                f"[0, {measure.most:g}]; correct it"
            )
    if not _within(row["minutes"], inf):
        raise ConfigError(
            f"{where}: minutes is {row['minutes']!r}: must be a number of at least 0; "
            "correct it"
        )


def _within(text: str, most: float) -> bool:
    try:
        return 0 <= float(text) <= most and isfinite(float(text))
    except ValueError:
        return False
