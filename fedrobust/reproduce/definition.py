"""What a reproduction is: columns, the cells to run, what is measured and claimed.

It is data: ``experiments/<name>/reproduction.yaml``, beside ``published.csv``. What all
its runs share is ``conf/experiment/<name>.yaml``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from fedrobust.config import Config, load_config
from fedrobust.config.compose import compose_run
from fedrobust.errors import ConfigError, nearest
from fedrobust.reproduce.measures import Measure

# A value for each column.
Cell = tuple[str, ...]


@dataclass(frozen=True)
class Ordering:
    """A claim that some cells have higher numbers than others, cell by cell."""

    claim: str
    source: str
    higher: dict[str, Any]
    lower: dict[str, Any]
    measure: str | None = None  # None: the first


@dataclass(frozen=True)
class Unlike:
    """Cells whose setting is not the paper's: they are compared, never judged."""

    cells: dict[str, Any]
    why: str


@dataclass(frozen=True)
class Job:
    """One run of a cell."""

    cell: Cell
    seed: int
    overrides: tuple[str, ...]

    @cached_property
    def composed(self) -> dict[str, Any]:
        """What Hydra composes, which needs no data set."""
        composed = compose_run(self.overrides)
        science = OmegaConf.masked_copy(
            composed, [str(k) for k in composed if k != "hydra"]
        )
        values: dict[str, Any] = OmegaConf.to_container(science, resolve=True)  # type: ignore[assignment]
        return values

    @cached_property
    def config(self) -> Config:
        """The composed and checked experiment.

        Raises
        ------
        ConfigError
            When the overrides do not compose, with the cell.
        """
        try:
            return load_config(compose_run(self.overrides))
        except ConfigError as error:
            raise ConfigError(f"{error} (in {'/'.join(self.cell)})") from error


@dataclass(frozen=True)
class Reproduction:
    """A published table that is run again.

    Attributes
    ----------
    name, folder
        Of the reproduction.
    title, paper
        What the page says first.
    verdict
        Which rule decides: ``seeds``, ``single`` or ``compared``.
    minutes
        What a run costs, roughly.
    columns
        The overrides of each value, by column and value.
    measures
        What is measured, by name.
    jobs
        Every run that is planned, in order of information.
    orderings
        What the paper claims about which numbers are higher.
    unlike
        Which cells differ from the paper's in more than chance explains.
    """

    name: str
    folder: Path
    title: str
    paper: str
    verdict: str
    minutes: float
    columns: dict[str, dict[str, list[str]]]
    measures: dict[str, Measure]
    jobs: list[Job]
    orderings: list[Ordering]
    unlike: list[Unlike]

    @cached_property
    def cells(self) -> list[Cell]:
        """Every cell that is planned, once."""
        return list(dict.fromkeys(job.cell for job in self.jobs))

    def seeds(self, cell: Cell) -> list[int]:
        """List the planned seeds of a cell."""
        return sorted({job.seed for job in self.jobs if job.cell == cell})

    def why_unlike(self, cell: Cell) -> str:
        """Say why a cell's setting is not the paper's; nothing where it is."""
        return "; ".join(u.why for u in self.unlike if cell in self.matching(u.cells))

    def rule(self, cell: Cell) -> str:
        """Give the rule by which a cell is judged."""
        return "compared" if self.why_unlike(cell) else self.verdict

    def matching(self, wanted: Mapping[str, Any]) -> Iterator[Cell]:
        """Find the planned cells with these values; a value may be a list of them."""
        choices = {c: set(texts(v)) for c, v in wanted.items()}
        for cell in self.cells:
            values = self.values(cell)
            if all(values[c] in allowed for c, allowed in choices.items()):
                yield cell

    def require_cells(self, wanted: Mapping[str, Any], key: str) -> None:
        """Refuse columns and values that there are not, and what fits no cell.

        Raises
        ------
        ConfigError
            With the key, and the column or value.
        """
        for column, values in wanted.items():
            for value in texts(values):
                self.require_known(column, value, f"{self.name}: {key}")
        if not any(True for _ in self.matching(wanted)):
            raise ConfigError(f"{self.name}: {key}: no planned cell has {dict(wanted)}")

    def select(
        self, filters: Sequence[str], seeds: Sequence[int] | None = None
    ) -> list[Job]:
        """Choose planned runs.

        Parameters
        ----------
        filters
            Such as ``rule=krum,cm``; a column that is not named may have any value.
        seeds
            Of the runs; None means those that are planned.

        Raises
        ------
        ConfigError
            When there is no such column, value or cell.
        """
        wanted: dict[str, list[str]] = {}
        for text in filters:
            column, _, values = text.partition("=")
            for value in values.split(","):
                self.require_known(column, value, f"--cells {text}")
                wanted.setdefault(column, []).append(value)
        cells = set(self.matching(wanted))
        jobs = [job for job in self.jobs if job.cell in cells]
        planned = {job.seed for job in jobs}
        for seed in seeds or []:
            if seed not in planned:
                said = " ".join([*filters, f"seed={seed}"])
                raise ConfigError(f"{self.name}: no run is planned for {said}")
        if not jobs:
            raise ConfigError(f"{self.name}: no run is planned for {' '.join(filters)}")
        return [job for job in jobs if seeds is None or job.seed in seeds]

    def require_known(self, column: str, value: str, said: str) -> None:
        """Refuse a column or a value of it that there is not.

        Raises
        ------
        ConfigError
            Beginning with ``said``: where it stands.
        """
        if column not in self.columns:
            raise ConfigError(
                f"{said}: {self.name} has no column {column!r}, "
                f"{nearest(column, self.columns)}"
            )
        if value not in self.columns[column]:
            raise ConfigError(
                f"{said}: {column} has no value {value!r}, "
                f"{nearest(value, self.columns[column])}"
            )

    def values(self, cell: Cell) -> dict[str, str]:
        """Give the value of each column."""
        return dict(zip(self.columns, cell, strict=True))


def texts(value: Any) -> list[str]:
    """Write one value, or each of a list, as text."""
    values = value if isinstance(value, list) else [value]
    return [str(v) for v in values]
