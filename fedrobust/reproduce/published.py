"""published.csv: what the paper has, a row a number or a claim, with its source."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan

from fedrobust.errors import ConfigError, nearest
from fedrobust.reproduce.definition import Cell, Reproduction
from fedrobust.reproduce.results_csv import read_table


@dataclass(frozen=True)
class Published:
    """A number of the paper, its standard deviation and how many runs it is of."""

    value: float
    sd: float | None = None
    n: int | None = None


# By cell and measure.
PublishedNumbers = dict[tuple[Cell, str], Published]


def read_published(reproduction: Reproduction) -> PublishedNumbers:
    """Read published.csv: the number of each cell and measure.

    A row has the columns of a cell, ``measure``, ``value``, ``sd``, ``n``, ``source``;
    that of a claim has ``claim`` and ``source``, and no value.

    Raises
    ------
    ConfigError
        When there is no such file, or a row of it is not like that; with its line.
    """
    path = reproduction.folder / "published.csv"
    found: PublishedNumbers = {}
    _, rows = read_table(path, "restore it")
    for line, row in rows:
        said = f"{path}, line {line}"
        if None in row or not row.get("source"):
            raise ConfigError(
                f"{said}: must have one value a column, and a source; mend it"
            )
        if not row.get("claim"):
            key, number = _published(reproduction, row, said)
            if key in found:
                raise ConfigError(f"{said}: a second number of this cell; mend it")
            found[key] = number
    if not rows:
        raise ConfigError(f"{path} has no rows: restore it")
    return found


def _published(
    reproduction: Reproduction, row: Mapping[str, str], said: str
) -> tuple[tuple[Cell, str], Published]:
    names = (*reproduction.columns, "measure", "value", "sd", "n")
    lacking = [name for name in names if row.get(name) is None]
    if lacking:
        raise ConfigError(f"{said}: lacks {', '.join(lacking)}; mend it")
    cell = tuple(row[column] for column in reproduction.columns)
    measure = row["measure"]
    for column, choice in reproduction.values(cell).items():
        reproduction.require_known(column, choice, said)
    if measure not in reproduction.measures:
        raise ConfigError(
            f"{said}: {reproduction.name} has no measure {measure!r}, "
            f"{nearest(measure, reproduction.measures)}"
        )
    value = _number(row, "value", said)
    scale = reproduction.measures[measure].scale
    if not 0 <= value <= scale:
        raise ConfigError(
            f"{said}: value is {row['value']}: must be in [0, {scale:g}], in the units "
            f"of {measure}; mend it"
        )
    sd = _number(row, "sd", said) if row["sd"] else None
    if sd is not None and sd < 0:
        raise ConfigError(f"{said}: sd is {row['sd']}: must be at least 0; mend it")
    n = _number(row, "n", said) if row["n"] else None
    if n is not None and (n < 1 or not n.is_integer()):
        raise ConfigError(
            f"{said}: n is {row['n']}: must be whole, at least 1; mend it"
        )
    return (cell, measure), Published(value, sd, None if n is None else int(n))


def _number(row: Mapping[str, str], name: str, said: str) -> float:
    try:
        number = float(row[name])
    except ValueError:
        number = nan
    if not isfinite(number):
        raise ConfigError(f"{said}: {name} is {row[name]!r}: must be a number; mend it")
    return number
