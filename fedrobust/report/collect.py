"""Collecting finished runs: which differ only in their seed, and in what the others."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from fedrobust.report.labels import (
    CHOICE,
    NO_EPSILON,
    Json,
    columns_of,
    labels,
    with_one_epsilon,
)
from fedrobust.report.order import rank
from fedrobust.report.reading import Found, read_runs

# A configuration and a result.
Evaluated = tuple[Json, Json]
# The column that sets experiments apart which agree in every key.
DIGEST = "digest"


class MissingResultsError(FileNotFoundError):
    """A folder holds no finished run."""


def trouble(result: Mapping[str, Any]) -> str:
    """Tell what makes a run's numbers doubtful: skipped rounds, checks that failed."""
    failed = [
        name for name, c in result.get("checks", {}).items() if c["status"] == "fail"
    ]
    told = [f"failed {' '.join(failed)}"] if failed else []
    skipped = result.get("skipped_rounds", 0)
    if skipped:
        told.append(f"{skipped} rounds skipped")
    return "; ".join(told)


@dataclass(frozen=True)
class Cell:
    """Runs that differ only in their seed.

    Attributes
    ----------
    labels
        What sets these runs apart from the others, by column.
    choices
        The choice made in each group.
    config
        Every value by dotted key, of one of the runs; choices are under ``choices``.
    results
        Their results, in the order of the seeds.
    training_epsilon
        As the objective has it, "none" where it uses none.
    num_classes
        Of the data set; None where its configuration does not tell.
    """

    labels: Mapping[str, str]
    choices: Mapping[str, str]
    config: Mapping[str, str]
    results: list[Json]
    training_epsilon: str = NO_EPSILON
    num_classes: int | None = None

    @property
    def seeds(self) -> list[int]:
        """Seeds of the runs."""
        return [result["seed"] for result in self.results]

    @property
    def checks(self) -> list[tuple[str, str]]:
        """Name and status of each check of each run."""
        return [
            (name, check["status"])
            for result in self.results
            for name, check in result.get("checks", {}).items()
        ]

    @property
    def failed_checks(self) -> list[str]:
        """Names of the checks that a run failed: its numbers cannot be believed."""
        return sorted({name for name, status in self.checks if status == "fail"})

    @property
    def skipped_rounds(self) -> int:
        """Rounds that were skipped, of all runs."""
        return sum(result.get("skipped_rounds", 0) for result in self.results)

    @property
    def is_doubtful(self) -> bool:
        """Tell whether there is trouble with a run."""
        return any(map(trouble, self.results))

    def values(self, *path: str) -> list[float]:
        """Read a figure from each run that has it."""
        found = []
        for result in self.results:
            value: Any = result
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
            if value is not None:
                found.append(float(value))
        return found

    def mean(self, *path: str) -> float | None:
        """Average a figure over seeds; None where a run does not have it."""
        values = self.values(*path)
        return fmean(values) if len(values) == len(self.results) else None

    def std(self, *path: str) -> float | None:
        """Spread of a figure over seeds (n - 1); None for a single one."""
        values = self.values(*path)
        return stdev(values) if len(values) == len(self.results) > 1 else None


@dataclass(frozen=True)
class Runs:
    """The finished runs of a folder.

    Attributes
    ----------
    cells
        In the order of their labels as the runs were found.
    columns
        Names of the labels.
    epsilons
        Every epsilon that some run was attacked at, ascending, as in result.json.
    unfinished
        Folders of runs that have no result.
    failed
        Folders and reasons of attempts that failed.
    unreadable
        A sentence about each file that could not be read.
    clashing
        Digests of experiments that agree in every key and in the seed; they have a
        cell each.
    """

    cells: list[Cell]
    columns: list[str]
    epsilons: list[str]
    unfinished: list[Path]
    failed: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    clashing: list[list[str]] = field(default_factory=list)

    @property
    def same_seeds(self) -> bool:
        """Tell whether every cell has the same seeds, so that means compare."""
        return len({tuple(cell.seeds) for cell in self.cells}) == 1


def collect(folder: Path, digests: Collection[str] | None = None) -> Runs:
    """Read every run below a folder, and each evaluation of it.

    Of evaluations by the same attacks, such as one with other checks, the one that was
    asked for last counts, and what checks failed in any.

    Parameters
    ----------
    folder
        Of a run, or of many.
    digests
        Count only runs of these experiments.

    Raises
    ------
    MissingResultsError
        When there is none that finished.
    """
    below = read_runs(folder, digests)
    found = _by_attack(below)
    if not found:
        raise MissingResultsError(
            "; ".join(
                [
                    f"no finished run in {folder}: give the folder of a run or of a "
                    "multirun",
                    *(f"failed: {told}" for told in below.failed),
                    *below.unreadable,
                ]
            )
        )
    names, cells = _by_label(found)
    clashing = {label: runs for label, runs in cells.items() if _clash(runs)}
    if clashing:
        names.append(DIGEST)
        cells = {(*label, name): alone for label, runs in cells.items()
                 for name, alone in _apart(runs, label in clashing)}  # fmt: skip
    epsilons = {e for _, r in found for e in r.get("worst_robust_accuracy", {})}
    return Runs(
        cells=[
            Cell(
                labels=dict(zip(names, label, strict=True)),
                choices=runs[0][0].get("choices", {}),
                config=labels(runs[0][0]),
                results=sorted((r for _, r in runs), key=lambda r: int(r["seed"])),
                training_epsilon=str(runs[0][0]["training"]["epsilon"]),
                num_classes=runs[0][0].get("dataset", {}).get("num_classes"),
            )
            for label, runs in sorted(
                cells.items(),
                key=lambda item: [*map(rank, names, item[0])],
            )
        ],
        columns=names,
        epsilons=sorted(epsilons, key=float),
        unfinished=[path for _, path, results in below.runs if not results],
        failed=below.failed,
        unreadable=below.unreadable,
        clashing=[
            sorted(config["config_digest"] for config, _ in runs)
            for runs in clashing.values()
        ],
    )


def _by_attack(below: Found) -> list[Evaluated]:
    """Choose, of the evaluations of a model by the same attacks, the one that counts.

    Returns
    -------
    Each with the configuration that it was made with.
    """
    chosen: dict[tuple[str, str], Evaluated] = {}
    for config, _, results in below.runs:
        for result in results:
            # A copy of a run, in another folder, is no other seed of it.
            attack = json.dumps(result["attack"], sort_keys=True)
            key = (config["config_digest"], attack)
            if key in chosen:
                _add_failures(chosen[key][1], result)
                continue
            evaluated = {name: result[name] for name in ("attack", "choices")}
            chosen[key] = with_one_epsilon({**config, **evaluated}), result
    return [*chosen.values()]


def _by_label(
    found: Sequence[Evaluated],
) -> tuple[list[str], dict[tuple[str, ...], list[Evaluated]]]:
    """Group results by what sets their configurations apart.

    Returns
    -------
    names, cells
        Names of the columns, and the results by their labels in these columns.
    """
    configs = [labels(config) for config, _ in found]
    columns = columns_of(configs)
    cells: dict[tuple[str, ...], list[Evaluated]] = {}
    for values, each in zip(configs, found, strict=True):
        label = tuple(values.get(column, "") for column in columns)
        cells.setdefault(label, []).append(each)
    return [column.removeprefix(CHOICE) for column in columns], cells


def _clash(runs: Sequence[Evaluated]) -> bool:
    """Whether several experiments have one seed, and one seed of their partition.

    They have all keys in common, so something else sets them apart: the code of a
    user's module, or a version.
    """
    seeds = [
        (result["seed"], config.get("partition", {}).get("seed"))
        for config, result in runs
    ]
    return len(set(seeds)) < len(seeds)


def _apart(runs: list[Evaluated], by_digest: bool) -> list[tuple[str, list[Evaluated]]]:
    """Put each experiment that clashes into a cell of its own, by its digest."""
    if not by_digest:
        return [("", runs)]
    return [(config["config_digest"], [(config, result)]) for config, result in runs]


def _add_failures(result: Json, other: Json) -> None:
    """Note which checks another evaluation by the same attacks has failed."""
    failed = {n: c for n, c in other.get("checks", {}).items() if c["status"] == "fail"}
    result["checks"] = {**result.get("checks", {}), **failed}
