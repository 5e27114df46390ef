"""published.csv: what the paper has, a row a number or a claim, with its source."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from fedrobust.errors import ConfigError, nearest
from fedrobust.reproduce.definition import Cell, Reproduction


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
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}; restore it") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    for row in reader:
        said = f"{path}, line {reader.line_num}"
        if None in row or not row.get("source"):
            raise ConfigError(
                f"{said}: must have one value a column, and a source; mend it"
            )
        if not row.get("claim"):
            key, number = _published(reproduction, row, said)
            if key in found:
                raise ConfigError(f"{said}: a second number of this cell; mend it")
            found[key] = number
    if reader.line_num < 2:
        raise ConfigError(f"{path} has no rows: restore it")
    return found


def _published(
    reproduction: Reproduction, row: Mapping[str, str], said: str
) -> tuple[tuple[Cell, str], Published]:
    try:
        cell = tuple(row[column] for column in reproduction.columns)
        measure, value, sd, n = (row[name] for name in ("measure", "value", "sd", "n"))
        number = Published(
            _finite(value), _finite(sd) if sd else None, int(n) if n else None
        )
        if number.n is not None and number.n < 1:
            raise ValueError(f"n={n}")
    except (KeyError, ValueError, TypeError) as error:
        raise ConfigError(
            f"{said}: must have {', '.join(reproduction.columns)}, measure, and the "
            f"numbers value, sd and n: {error!r}; mend it"
        ) from error
    for column, choice in reproduction.values(cell).items():
        reproduction.require_known(column, choice, said)
    if measure not in reproduction.measures:
        raise ConfigError(
            f"{said}: {reproduction.name} has no measure {measure!r}, "
            f"{nearest(measure, reproduction.measures)}"
        )
    scale = reproduction.measures[measure].scale
    if not 0 <= number.value <= scale:
        raise ConfigError(
            f"{said}: value is {value}: must be in [0, {scale:g}], in the units of "
            f"{measure}; mend it"
        )
    return (cell, measure), number


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is not finite")
    return number
