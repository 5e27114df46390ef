"""The definition of a reproduction: its columns, planned runs, measures and claims.

It is read from ``experiments/<name>/reproduction.yaml``, which lies beside
``published.csv``. ``conf/experiment/<name>.yaml`` holds what all its runs share.
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

# The value of each column, in the order of the columns.
Cell = tuple[str, ...]


@dataclass(frozen=True)
class Ordering:
    """A claim of the paper that some cells have higher numbers than others."""

    claim: str
    source: str
    higher: dict[str, Any]
    lower: dict[str, Any]
    measure: str | None = None  # None means the first measure


@dataclass(frozen=True)
class Unlike:
    """Cells whose setting differs from the paper's; they are compared, never judged."""

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
        """The composed configuration without Hydra's own node; needs no data set."""
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
            When the overrides are refused; the message names the cell.
        """
        try:
            return load_config(compose_run(self.overrides))
        except ConfigError as error:
            raise ConfigError(f"{error} (in {'/'.join(self.cell)})") from error


@dataclass(frozen=True)
class Reproduction:
    """A published table and the runs that reproduce it.

    Attributes
    ----------
    name, folder
        The name of the reproduction, and the folder of its files.
    title, paper
        The heading of the page, and its first paragraph.
    verdict
        The rule that judges the measures without a rule of their own: ``seeds``,
        ``single``, ``printed`` or ``compared``.
    minutes
        A rough estimate of the minutes that one run takes.
    columns
        The overrides of each value, by column and value.
    measures
        The measured numbers, by name.
    jobs
        The planned runs, the most informative first.
    orderings
        The paper's claims about which numbers are higher.
    unlike
        The cells whose setting differs from the paper's.
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
        """The planned cells without repetition, in the order of the plan."""
        return list(dict.fromkeys(job.cell for job in self.jobs))

    def seeds(self, cell: Cell) -> list[int]:
        """List the planned seeds of a cell."""
        return sorted({job.seed for job in self.jobs if job.cell == cell})

    def why_unlike(self, cell: Cell) -> str:
        """Return why a cell's setting is not the paper's; empty if it is the same."""
        return "; ".join(u.why for u in self.unlike if cell in self.matching(u.cells))

    def rule(self, cell: Cell, measure: str) -> str:
        """Return the name of the rule that judges a number of a cell."""
        judge = self.measures[measure].verdict or self.verdict
        return "compared" if self.why_unlike(cell) else judge

    def matching(self, wanted: Mapping[str, Any]) -> Iterator[Cell]:
        """Yield the planned cells whose columns have the wanted values or lists."""
        choices = {c: set(texts(v)) for c, v in wanted.items()}
        for cell in self.cells:
            values = self.values(cell)
            if all(values[c] in allowed for c, allowed in choices.items()):
                yield cell

    def require_cells(self, wanted: Mapping[str, Any], key: str) -> None:
        """Refuse unknown columns and values, and values that match no planned cell.

        Raises
        ------
        ConfigError
            The message names the key, and the column or the value.
        """
        for column, values in wanted.items():
            for value in texts(values):
                self.require_known(column, value, f"{self.name}: {key}")
        if not any(True for _ in self.matching(wanted)):
            raise ConfigError(f"{self.name}: {key}: no planned cell has {dict(wanted)}")

    def select(
        self, filters: Sequence[str], seeds: Sequence[int] | None = None
    ) -> list[Job]:
        """Select planned runs.

        Parameters
        ----------
        filters
            Allowed values of columns, such as ``rule=krum,cm``. A column without a
            filter may have any value.
        seeds
            The seeds to select; None means all planned seeds.

        Raises
        ------
        ConfigError
            When a column, a value or a seed is unknown, or no planned run matches.
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
                selection = " ".join([*filters, f"seed={seed}"])
                raise ConfigError(f"{self.name}: no run is planned for {selection}")
        if not jobs:
            raise ConfigError(f"{self.name}: no run is planned for {' '.join(filters)}")
        return [job for job in jobs if seeds is None or job.seed in seeds]

    def require_known(self, column: str, value: str, where: str) -> None:
        """Refuse an unknown column, and an unknown value of a column.

        Raises
        ------
        ConfigError
            The message begins with ``where``, the place of the column and the value.
        """
        if column not in self.columns:
            raise ConfigError(
                f"{where}: {self.name} has no column {column!r}, "
                f"{nearest(column, self.columns)}"
            )
        if value not in self.columns[column]:
            raise ConfigError(
                f"{where}: {column} has no value {value!r}, "
                f"{nearest(value, self.columns[column])}"
            )

    def values(self, cell: Cell) -> dict[str, str]:
        """Return the values of a cell by column."""
        return dict(zip(self.columns, cell, strict=True))


def texts(value: Any) -> list[str]:
    """Return one value, or each value of a list, as text."""
    values = value if isinstance(value, list) else [value]
    return [str(v) for v in values]
