"""What a reproduction is: columns, the cells to run, what is measured and claimed.

It is data: ``experiments/<name>/reproduction.yaml``, beside ``published.csv``. What all
its runs share is ``conf/experiment/<name>.yaml``.
"""

import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from fedrobust.compose import compose_run, config_dir
from fedrobust.config import Config, load_config
from fedrobust.errors import ConfigError, nearest
from fedrobust.schema import Node, typed
from strategies.parameters import require

# How a verdict is found (see ``fedrobust.reproduce.verdicts``), and what the numbers it
# judges are multiplied by: its bounds are in points, or in shares.
RULES = {"seeds": 100.0, "single": 1.0, "compared": None}

# What is kept for every round.
BY_ROUND = ("clean", "precision", "recall")

# A value for each column.
Cell = tuple[str, ...]


@dataclass(frozen=True)
class Measure:
    """A number that a run is held to.

    Attributes
    ----------
    of
        ``clean``; an evasion attack and its epsilon, as ``pgd/0.3``, where the epsilon
        may be left out if there is one only; or ``precision`` or ``recall`` of whom the
        rule leaves out.
    over
        ``final``: of the last round; ``last 5``: the mean of the last five evaluations;
        ``best from 3``: the best from the third round on; ``mean from 3``.
    scale
        What an accuracy in [0, 1] is multiplied by.
    """

    of: str = "clean"
    over: str = "final"
    scale: float = 1.0

    def __post_init__(self) -> None:
        known = re.fullmatch(r"final|(last|best from|mean from) \d+", self.over)
        require(
            known is not None,
            "over",
            self.over,
            "final, last n, best from r or mean from r",
        )
        require(
            self.over == "final" or self.of in BY_ROUND,
            "over",
            self.over,
            f"final, as {self.of} is not kept for every round",
        )
        require(
            self.over != "final" or self.of not in BY_ROUND[1:],
            "over",
            self.over,
            f"last n, best from r or mean from r, as {self.of} is of each round",
        )

    def check(self, attacks: Collection[str], epsilons: Collection[float]) -> None:
        """Raise ValueError where runs with these attacks have no such number."""
        if self.of in BY_ROUND:
            return
        attack, _, epsilon = self.of.partition("/")
        known = attack in attacks and (
            epsilon in map(repr, epsilons) if epsilon else len(epsilons) == 1
        )
        require(
            known,
            "of",
            self.of,
            f"an attack of the runs, {', '.join(attacks) or 'which have none'}; of "
            f"several epsilons one, as in {self.of}/0.3",
        )


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
class _Definition:
    """The file."""

    title: str
    paper: str
    verdict: str
    minutes: float
    columns: dict[str, Any]
    measures: dict[str, Any]
    plan: list[Any]
    orderings: list[Any] = field(default_factory=list)
    unlike: list[Any] = field(default_factory=list)


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
        choices = {c: set(_texts(v)) for c, v in wanted.items()}
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
            for value in _texts(values):
                self._require_known(column, value, f"{self.name}: {key}")
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
                self._require_known(column, value, f"--cells {text}")
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

    def _require_known(self, column: str, value: str, said: str) -> None:
        """Refuse a column or a value of it that there is not."""
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


def experiments_folder() -> Path:
    """Find experiments/, beside conf/ in a checkout.

    Raises
    ------
    ConfigError
        When fedrobust was installed without them.
    """
    folder = config_dir().parent / "experiments"
    if not folder.is_dir():
        raise ConfigError(
            "reproduce works in a checkout of fedrobust, whose folder experiments/ "
            "holds the published tables: clone it, and install it with pip install -e"
        )
    return folder


def reproduction_names(folder: Path) -> list[str]:
    """List the reproductions in a folder."""
    return sorted(path.parent.name for path in folder.glob("*/reproduction.yaml"))


def load_reproduction(name: str, experiments: Path | None = None) -> Reproduction:
    """Read a reproduction.

    Raises
    ------
    ConfigError
        When there is none of that name.
    """
    experiments = experiments or experiments_folder()
    names = reproduction_names(experiments)
    if name not in names:
        raise ConfigError(
            f"{name}: there is no such reproduction, {nearest(name, names)}"
        )
    path = experiments / name / "reproduction.yaml"
    values: Node = yaml.safe_load(path.read_text(encoding="utf-8"))
    read: _Definition = typed(_Definition, values, name)
    measures = {
        str(n): typed(Measure, m, f"{name}.measures.{n}")
        for n, m in read.measures.items()
    }
    if read.verdict not in RULES:
        raise ConfigError(
            f"{name}: verdict={read.verdict}: must be {', '.join(RULES)}; "
            f"{nearest(read.verdict, RULES)}"
        )
    scale = RULES[read.verdict]
    for measure, of in measures.items():
        if scale is not None and of.scale != scale:
            raise ConfigError(
                f"{name}: measures.{measure}.scale={of.scale}: must be {scale} where "
                f"verdict={read.verdict}, whose bounds are in these units"
            )
    columns = {
        column: {str(value): _texts(o) for value, o in choices.items()}
        for column, choices in read.columns.items()
    }
    made = Reproduction(
        name=name,
        folder=path.parent,
        title=read.title,
        paper=read.paper,
        verdict=read.verdict,
        minutes=read.minutes,
        columns=columns,
        measures=measures,
        jobs=list(dict.fromkeys(_jobs(name, columns, read.plan))),
        orderings=[typed(Ordering, o, f"{name}.orderings") for o in read.orderings],
        unlike=[typed(Unlike, u, f"{name}.unlike") for u in read.unlike],
    )
    for ordering in made.orderings:
        made.require_cells(ordering.higher, "orderings.higher")
        made.require_cells(ordering.lower, "orderings.lower")
    for unlike in made.unlike:
        made.require_cells(unlike.cells, "unlike.cells")
        if not unlike.why:
            raise ConfigError(f"{name}: unlike.why is empty: say why")
    return made


def _jobs(
    name: str, columns: Mapping[str, Mapping[str, list[str]]], plan: Sequence[Node]
) -> Iterator[Job]:
    """Multiply each block of the plan out, seed by seed."""
    for block in plan:
        known = [*columns, "seeds"]
        for key in [*block, *known]:
            if key not in known or key not in block:
                raise ConfigError(
                    f"{name}: plan: {key}: each block has every column and seeds, and "
                    f"nothing else; {nearest(key, known)}"
                )
        choices = [_texts(block[column]) for column in columns]
        for seed in block["seeds"]:
            for cell in itertools.product(*choices):
                pairs = zip(columns.items(), cell, strict=True)
                overrides = [o for (_, said), value in pairs for o in said[value]]
                yield Job(
                    cell,
                    int(seed),
                    (f"experiment={name}", *overrides, f"seed={seed}"),
                )


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(v) for v in values]
