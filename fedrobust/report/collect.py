"""Collecting finished runs: which differ only in their seed, and in what the others."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean, stdev

from fedrobust.files import Json
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow
from fedrobust.report.labels import (
    CHOICE,
    NO_EPSILON,
    columns_of,
    labels,
    with_one_epsilon,
)
from fedrobust.report.order import rank
from fedrobust.report.reading import Found, read_runs

# A number of a result; None where a run has none.
Figure = Callable[[Result], float | None]
# The column that sets experiments apart which agree in every key.
DIGEST = "digest"


class MissingResultsError(FileNotFoundError):
    """A folder holds no finished run."""


def clean_accuracy(result: Result) -> float:
    """Return the clean accuracy, in [0, 1]."""
    return result.clean_accuracy


def worst_accuracy_at(epsilon: str) -> Figure:
    """Return the figure of the accuracy under all attacks together at an epsilon."""
    return lambda result: result.worst_robust_accuracy.get(epsilon)


@dataclass(frozen=True)
class FinishedRun:
    """One evaluation of a run that ended.

    Attributes
    ----------
    config
        The resolved configuration it was made with.
    result
        What it found.
    rounds
        Of the training; empty where the run left none.
    """

    config: Json
    result: Result
    rounds: list[RoundRow] = field(default_factory=list)


@dataclass(frozen=True)
class SeedGroup:
    """Runs that differ only in their seed: a row of the tables.

    Attributes
    ----------
    labels
        What sets these runs apart from the others, by column.
    choices
        The choice made in each group.
    config
        Every value by dotted key, of one of the runs; choices are under ``choices``.
    runs
        In the order of the seeds.
    training_epsilon
        As the objective has it, "none" where it uses none.
    num_classes
        Of the data set; None where its configuration does not tell.
    """

    labels: Mapping[str, str]
    choices: Mapping[str, str]
    config: Mapping[str, str]
    runs: list[FinishedRun]
    training_epsilon: str = NO_EPSILON
    num_classes: int | None = None

    @property
    def results(self) -> list[Result]:
        """Results of the runs."""
        return [run.result for run in self.runs]

    @property
    def seeds(self) -> list[int]:
        """Seeds of the runs."""
        return [result.seed for result in self.results]

    @property
    def failed_checks(self) -> list[str]:
        """Names of the checks that a run failed: its numbers cannot be believed."""
        return sorted({n for result in self.results for n in result.failed_checks})

    @property
    def is_doubtful(self) -> bool:
        """Whether a run failed a check or skipped rounds."""
        return any(result.doubts for result in self.results)

    def values(self, figure: Figure) -> list[float]:
        """Return a figure of each run that has it."""
        found = map(figure, self.results)
        return [float(value) for value in found if value is not None]

    def mean(self, figure: Figure) -> float | None:
        """Average a figure over seeds; None where a run does not have it."""
        values = self.values(figure)
        return fmean(values) if len(values) == len(self.runs) else None

    def std(self, figure: Figure) -> float | None:
        """Spread of a figure over seeds (n - 1); None for a single one."""
        values = self.values(figure)
        return stdev(values) if len(values) == len(self.runs) > 1 else None


@dataclass(frozen=True)
class Runs:
    """The finished runs of a folder.

    Attributes
    ----------
    groups
        Runs that differ only in their seed, in the order of their labels.
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
        group each.
    """

    groups: list[SeedGroup]
    columns: list[str]
    epsilons: list[str]
    unfinished: list[Path]
    failed: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    clashing: list[list[str]] = field(default_factory=list)

    @property
    def same_seeds(self) -> bool:
        """Whether every group has the same seeds, so that means compare."""
        return len({tuple(group.seeds) for group in self.groups}) == 1


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
    names, groups = _by_label(found)
    clashing = {label: runs for label, runs in groups.items() if _clash(runs)}
    if clashing:
        names.append(DIGEST)
        groups = {(*label, name): alone for label, runs in groups.items()
                  for name, alone in _apart(runs, label in clashing)}  # fmt: skip
    ordered = sorted(groups.items(), key=lambda item: [*map(rank, names, item[0])])
    epsilons = {e for run in found for e in run.result.worst_robust_accuracy}
    return Runs(
        groups=[
            _group(dict(zip(names, label, strict=True)), runs)
            for label, runs in ordered
        ],
        columns=names,
        epsilons=sorted(epsilons, key=float),
        unfinished=[run.path for run in below.runs if not run.results],
        failed=below.failed,
        unreadable=below.unreadable,
        clashing=[
            sorted(run.config["config_digest"] for run in runs)
            for runs in clashing.values()
        ],
    )


def _group(label: Mapping[str, str], runs: Sequence[FinishedRun]) -> SeedGroup:
    config = runs[0].config
    return SeedGroup(
        labels=label,
        choices=config.get("choices", {}),
        config=labels(config),
        runs=sorted(runs, key=lambda run: run.result.seed),
        training_epsilon=str(config["training"]["epsilon"]),
        num_classes=config.get("dataset", {}).get("num_classes"),
    )


def _by_attack(below: Found) -> list[FinishedRun]:
    """Choose, of the evaluations of a model by the same attacks, the one that counts.

    Returns
    -------
    Each with the configuration that it was made with, and with the checks that failed
    in any of them.
    """
    chosen: dict[tuple[str, str], FinishedRun] = {}
    for run in below.runs:
        for result in run.results:
            # A copy of a run, in another folder, is no other seed of it.
            attack = json.dumps(result.attack, sort_keys=True)
            key = (run.config["config_digest"], attack)
            if key in chosen:
                known = chosen[key].result
                failed = {n: result.checks[n] for n in result.failed_checks}
                both = replace(known, checks=known.checks | failed)
                chosen[key] = replace(chosen[key], result=both)
                continue
            evaluated = {"attack": result.attack, "choices": result.choices}
            config = with_one_epsilon({**run.config, **evaluated})
            chosen[key] = FinishedRun(config, result, run.rounds)
    return [*chosen.values()]


def _by_label(
    found: Sequence[FinishedRun],
) -> tuple[list[str], dict[tuple[str, ...], list[FinishedRun]]]:
    """Group runs by what sets their configurations apart.

    Returns
    -------
    names, groups
        Names of the columns, and the runs by their labels in these columns.
    """
    configs = [labels(run.config) for run in found]
    columns = columns_of(configs)
    groups: dict[tuple[str, ...], list[FinishedRun]] = {}
    for values, each in zip(configs, found, strict=True):
        label = tuple(values.get(column, "") for column in columns)
        groups.setdefault(label, []).append(each)
    return [column.removeprefix(CHOICE) for column in columns], groups


def _clash(runs: Sequence[FinishedRun]) -> bool:
    """Whether several experiments have one seed, and one seed of their partition.

    They have all keys in common, so something else sets them apart: the code of a
    user's module, or a version.
    """
    seeds = [
        (run.result.seed, run.config.get("partition", {}).get("seed")) for run in runs
    ]
    return len(set(seeds)) < len(seeds)


def _apart(
    runs: list[FinishedRun], by_digest: bool
) -> list[tuple[str, list[FinishedRun]]]:
    """Put each experiment that clashes into a group of its own, by its digest."""
    if not by_digest:
        return [("", runs)]
    return [(run.config["config_digest"], [run]) for run in runs]
