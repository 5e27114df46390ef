"""Read a reproduction from its folder, and refuse what no run could be held to."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fedrobust.config.compose import config_dir
from fedrobust.config.typed import Node, typed
from fedrobust.errors import ConfigError, nearest
from fedrobust.files import read_yaml, replacing, writing
from fedrobust.reproduce.definition import (
    Job,
    Ordering,
    Reproduction,
    Unlike,
    texts,
)
from fedrobust.reproduce.measures import Measure
from fedrobust.reproduce.verdicts import RULES

# Where an installed package's reproductions are written, beside their runs.
OWN = Path("reproductions")


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


def experiments_folder() -> Path:
    """Folder with the reproductions.

    In a checkout it is ``experiments/``. An installed package has its own copy, which
    is only read: what is written goes to ``reproductions/`` in the current folder (see
    `copy_experiments`), and is read from there afterwards.
    """
    installed = config_dir().parent / "experiments"
    if _is_package() and any(OWN.glob("*/reproduction.yaml")):
        return OWN
    return installed


def copy_experiments() -> None:
    """Copy the reproductions of an installed package to where they can be written.

    Nothing is copied in a checkout. ``results.csv`` is copied once, since commands add
    rows to it; the other files each time, so that those of the installed version count.

    Raises
    ------
    ConfigError
        When the current folder cannot be written.
    """
    if not _is_package():
        return
    source = config_dir().parent / "experiments"
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        target = OWN / path.relative_to(source)
        if path.name == "results.csv" and target.exists():
            continue
        with writing(target, "start it in a folder that you can write to"):
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as file:
                file.write(path.read_bytes())


def _is_package() -> bool:
    """Whether conf/ lies in the package, as in an installed wheel."""
    return (config_dir().parent / "__init__.py").is_file()


def reproduction_names(folder: Path) -> list[str]:
    """List the reproductions in a folder."""
    return sorted(path.parent.name for path in folder.glob("*/reproduction.yaml"))


def load_reproduction(name: str, experiments: Path | None = None) -> Reproduction:
    """Read a reproduction.

    Raises
    ------
    ConfigError
        When there is none of that name, or its file says what cannot be: an unknown
        verdict, key, column or value, a measure in another unit than its verdict's, a
        block of the plan that is not whole, cells that are unlike for no reason.
    """
    experiments = experiments or experiments_folder()
    names = reproduction_names(experiments)
    if name not in names:
        raise ConfigError(
            f"{name}: there is no such reproduction, {nearest(name, names)}"
        )
    path = experiments / name / "reproduction.yaml"
    values: Node = read_yaml(path, "restore it")
    read: _Definition = typed(_Definition, values, name)
    columns = _columns(name, read.columns)
    made = Reproduction(
        name=name,
        folder=path.parent,
        title=read.title,
        paper=read.paper,
        verdict=read.verdict,
        minutes=read.minutes,
        columns=columns,
        measures=_measures(name, read),
        jobs=list(dict.fromkeys(_jobs(name, columns, read.plan))),
        orderings=[typed(Ordering, o, f"{name}.orderings") for o in read.orderings],
        unlike=[typed(Unlike, u, f"{name}.unlike") for u in read.unlike],
    )
    _require_cells(made)
    return made


def _columns(name: str, read: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    """Read the overrides of each value of each column."""
    for column, choices in read.items():
        if not isinstance(choices, dict) or not choices:
            raise ConfigError(
                f"{name}: columns.{column}={choices}: must be values, each with a list "
                "of its overrides"
            )
    return {
        column: {str(value): texts(o) for value, o in choices.items()}
        for column, choices in read.items()
    }


def _measures(name: str, read: _Definition) -> dict[str, Measure]:
    """Read what is measured, in the units of the verdict."""
    if read.verdict not in RULES:
        raise ConfigError(
            f"{name}: verdict={read.verdict}: must be {', '.join(RULES)}; "
            f"{nearest(read.verdict, RULES)}"
        )
    scale = RULES[read.verdict]
    measures = {
        str(n): typed(Measure, m, f"{name}.measures.{n}")
        for n, m in read.measures.items()
    }
    for measure, of in measures.items():
        if scale is not None and of.scale != scale:
            raise ConfigError(
                f"{name}: measures.{measure}.scale={of.scale}: must be {scale} where "
                f"verdict={read.verdict}, whose bounds are in these units"
            )
    return measures


def _require_cells(made: Reproduction) -> None:
    """Refuse claims about cells that are not planned, and what gives no reason."""
    for ordering in made.orderings:
        made.require_cells(ordering.higher, "orderings.higher")
        made.require_cells(ordering.lower, "orderings.lower")
    for unlike in made.unlike:
        made.require_cells(unlike.cells, "unlike.cells")
        if not unlike.why:
            raise ConfigError(f"{made.name}: unlike.why is empty: say why")


def _jobs(
    name: str, columns: Mapping[str, Mapping[str, list[str]]], plan: Sequence[Node]
) -> Iterator[Job]:
    """Multiply each block of the plan out, seed by seed."""
    for block in plan:
        known = [*columns, "seeds"]
        if not isinstance(block, dict):
            raise ConfigError(f"{name}: plan: {block}: must be {', '.join(known)}")
        for key in [*map(str, block), *known]:
            if key not in known or key not in block:
                raise ConfigError(
                    f"{name}: plan: {key}: each block has every column and seeds, and "
                    f"nothing else; {nearest(key, known)}"
                )
        choices = [texts(block[column]) for column in columns]
        for (column, of), values in zip(columns.items(), choices, strict=True):
            for value in values:
                if value not in of:
                    raise ConfigError(
                        f"{name}: plan: {column} has no value {value!r}, "
                        f"{nearest(value, of)}"
                    )
        seeds = block["seeds"]
        if not isinstance(seeds, list) or {type(seed) for seed in seeds} - {int}:
            raise ConfigError(
                f"{name}: plan: seeds={seeds}: must be a list of integers"
            )
        for seed in seeds:
            for cell in itertools.product(*choices):
                pairs = zip(columns.items(), cell, strict=True)
                overrides = [o for (_, said), value in pairs for o in said[value]]
                yield Job(
                    cell,
                    seed,
                    (f"experiment={name}", *overrides, f"seed={seed}"),
                )
