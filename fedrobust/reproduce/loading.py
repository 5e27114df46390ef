"""Read a reproduction from its folder, and check that its runs can be judged."""

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

# Writable copies of an installed package's reproductions, beside their runs.
OWN = Path("reproductions")


@dataclass(frozen=True)
class _Definition:
    """The content of ``reproduction.yaml``."""

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
    """Return the folder of the reproductions.

    In a checkout it is ``experiments/``. The copy in an installed package is read-only:
    `copy_experiments` copies it to ``reproductions/`` in the current folder, which is
    used from then on.
    """
    installed = config_dir().parent / "experiments"
    if _is_package() and any(OWN.glob("*/reproduction.yaml")):
        return OWN
    return installed


def copy_experiments() -> None:
    """Copy the reproductions of an installed package to ``reproductions/``.

    Nothing is copied in a checkout. ``results.csv`` is copied only once, because
    commands add rows to it. The other files are copied each time, so that they always
    belong to the installed version.

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
        with writing(target, "run the command in a folder that you can write to"):
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as file:
                file.write(path.read_bytes())


def _is_package() -> bool:
    """Return whether conf/ lies inside the package, as it does in a wheel."""
    return (config_dir().parent / "__init__.py").is_file()


def reproduction_names(folder: Path) -> list[str]:
    """List the reproductions in a folder."""
    return sorted(path.parent.name for path in folder.glob("*/reproduction.yaml"))


def load_reproduction(name: str, experiments: Path | None = None) -> Reproduction:
    """Read a reproduction.

    Raises
    ------
    ConfigError
        When there is no reproduction of this name; when its file has an unknown
        verdict, key, column or value; when a measure and the verdict have different
        units; when a block of the plan is incomplete; or when ``unlike`` lacks a
        reason.
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
    reproduction = Reproduction(
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
    _require_cells(reproduction)
    return reproduction


def _columns(name: str, read: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    """Return the overrides by column and value."""
    for column, choices in read.items():
        if not isinstance(choices, dict) or not choices:
            raise ConfigError(
                f"{name}: columns.{column}={choices}: must map each value to a list of "
                "overrides"
            )
    return {
        column: {str(value): texts(o) for value, o in choices.items()}
        for column, choices in read.items()
    }


def _measures(name: str, read: _Definition) -> dict[str, Measure]:
    """Return the measures by name, and check their units against their verdicts."""
    measures = {
        str(n): typed(Measure, m, f"{name}.measures.{n}")
        for n, m in read.measures.items()
    }
    _require_rule(read.verdict, f"{name}: verdict")
    for key, measure in measures.items():
        rule = measure.verdict or read.verdict
        _require_rule(rule, f"{name}: measures.{key}.verdict")
        scale = RULES[rule]
        if scale is not None and measure.scale != scale:
            raise ConfigError(
                f"{name}: measures.{key}.scale={measure.scale}: must be {scale} with "
                f"verdict={rule}, whose bounds are in these units"
            )
    return measures


def _require_rule(rule: str, key: str) -> None:
    if rule not in RULES:
        raise ConfigError(
            f"{key}={rule}: must be {', '.join(RULES)}; {nearest(rule, RULES)}"
        )


def _require_cells(reproduction: Reproduction) -> None:
    """Refuse claims about cells that are not planned, and ``unlike`` without reason."""
    for ordering in reproduction.orderings:
        reproduction.require_cells(ordering.higher, "orderings.higher")
        reproduction.require_cells(ordering.lower, "orderings.lower")
    for unlike in reproduction.unlike:
        reproduction.require_cells(unlike.cells, "unlike.cells")
        if not unlike.why:
            raise ConfigError(
                f"{reproduction.name}: unlike.why is empty: write how the setting of "
                "these cells differs from the paper's"
            )


def _jobs(
    name: str, columns: Mapping[str, Mapping[str, list[str]]], plan: Sequence[Node]
) -> Iterator[Job]:
    """Yield every combination of each block of the plan, seed by seed."""
    for block in plan:
        known = [*columns, "seeds"]
        if not isinstance(block, dict):
            raise ConfigError(
                f"{name}: plan: {block}: must have the keys {', '.join(known)}"
            )
        for key in [*map(str, block), *known]:
            if key not in known or key not in block:
                raise ConfigError(
                    f"{name}: plan: {key}: each block must have every column and "
                    f"seeds, and no other key; {nearest(key, known)}"
                )
        choices = [texts(block[column]) for column in columns]
        for (column, known_values), values in zip(
            columns.items(), choices, strict=True
        ):
            for value in values:
                if value not in known_values:
                    raise ConfigError(
                        f"{name}: plan: {column} has no value {value!r}, "
                        f"{nearest(value, known_values)}"
                    )
        seeds = block["seeds"]
        if not isinstance(seeds, list) or {type(seed) for seed in seeds} - {int}:
            raise ConfigError(
                f"{name}: plan: seeds={seeds}: must be a list of integers"
            )
        for seed in seeds:
            for cell in itertools.product(*choices):
                pairs = zip(columns.values(), cell, strict=True)
                overrides = [o for by_value, value in pairs for o in by_value[value]]
                yield Job(
                    cell,
                    seed,
                    (f"experiment={name}", *overrides, f"seed={seed}"),
                )
