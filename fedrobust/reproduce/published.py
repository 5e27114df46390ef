"""published.csv: the paper's numbers and claims, one in a row, each with its source."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan

from fedrobust.errors import ConfigError, nearest
from fedrobust.reproduce.definition import Cell, Reproduction
from fedrobust.reproduce.results_csv import read_table


@dataclass(frozen=True)
class Published:
    """A number of the paper, its standard deviation, and the number of its runs."""

    value: float
    sd: float | None = None
    n: int | None = None


# The paper's numbers by cell and measure.
PublishedNumbers = dict[tuple[Cell, str], Published]


def read_published(reproduction: Reproduction) -> PublishedNumbers:
    """Read published.csv: the number of each cell and measure.

    The row of a number has the columns of a cell, ``measure``, ``value``, ``sd``, ``n``
    and ``source``. The row of a claim has ``claim`` and ``source``, and no value.

    Raises
    ------
    ConfigError
        When the file is missing or a row has another form; the message names the line.
    """
    path = reproduction.folder / "published.csv"
    published: PublishedNumbers = {}
    _, rows = read_table(path, "restore it")
    for line, row in rows:
        where = f"{path}, line {line}"
        if None in row or not row.get("source"):
            raise ConfigError(
                f"{where}: must have one value in each column, and a source; correct it"
            )
        if not row.get("claim"):
            key, number = _published(reproduction, row, where)
            if key in published:
                raise ConfigError(f"{where}: a second number of this cell; remove one")
            published[key] = number
    if not rows:
        raise ConfigError(f"{path} has no rows: restore it")
    return published


def _published(
    reproduction: Reproduction, row: Mapping[str, str], where: str
) -> tuple[tuple[Cell, str], Published]:
    names = (*reproduction.columns, "measure", "value", "sd", "n")
    lacking = [name for name in names if row.get(name) is None]
    if lacking:
        raise ConfigError(f"{where}: lacks {', '.join(lacking)}; correct it")
    cell = tuple(row[column] for column in reproduction.columns)
    measure = row["measure"]
    for column, choice in reproduction.values(cell).items():
        reproduction.require_known(column, choice, where)
    if measure not in reproduction.measures:
        raise ConfigError(
            f"{where}: {reproduction.name} has no measure {measure!r}, "
            f"{nearest(measure, reproduction.measures)}"
        )
    value = _number(row, "value", where)
    most = reproduction.measures[measure].most
    if not 0 <= value <= most:
        raise ConfigError(
            f"{where}: value is {row['value']}: must be in [0, {most:g}], the unit of "
            f"{measure}; correct it"
        )
    sd = _number(row, "sd", where) if row["sd"] else None
    if sd is not None and sd < 0:
        raise ConfigError(f"{where}: sd is {row['sd']}: must be at least 0; correct it")
    n = _number(row, "n", where) if row["n"] else None
    if n is not None and (n < 1 or not n.is_integer()):
        raise ConfigError(
            f"{where}: n is {row['n']}: must be an integer of at least 1; correct it"
        )
    return (cell, measure), Published(value, sd, None if n is None else int(n))


def _number(row: Mapping[str, str], name: str, where: str) -> float:
    try:
        number = float(row[name])
    except ValueError:
        number = nan
    if not isfinite(number):
        raise ConfigError(
            f"{where}: {name} is {row[name]!r}: must be a number; correct it"
        )
    return number
