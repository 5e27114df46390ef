"""Collect finished runs, and group those that differ only in their seed."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fedrobust.record.result import Result
from fedrobust.record.stored_run import StoredRun
from fedrobust.report.finished_run import FinishedRun
from fedrobust.report.groups import Runs, SeedGroup
from fedrobust.report.labels import CHOICE, columns_of, labels, with_one_epsilon
from fedrobust.report.order import rank
from fedrobust.report.reading import Found, FoundRun, read_runs

# The column that distinguishes experiments that agree in every key.
DIGEST = "digest"


class MissingResultsError(FileNotFoundError):
    """A folder holds no finished run."""


def collect(
    folders: Path | Sequence[Path], digests: Collection[str] | None = None
) -> Runs:
    """Read every run below a folder or several, and each evaluation of it.

    If a model was evaluated by the same attacks more than once, for instance with other
    checks, the latest evaluation counts. A check that failed in any of them counts as
    failed.

    Parameters
    ----------
    folders
        The folder of a run, or of several runs; or several such folders.
    digests
        Digests of the experiments to collect; None collects all.

    Raises
    ------
    MissingResultsError
        When there is no finished run.
    """
    folders = [folders] if isinstance(folders, Path) else folders
    below = read_runs(folders, digests)
    found = _by_attack(below)
    if not found:
        raise MissingResultsError(
            "; ".join(
                [
                    f"no finished run in {', '.join(map(str, folders))}: must be the "
                    "folder of a run or of a multirun",
                    *(f"failed: {attempt}" for attempt in below.failed),
                    *below.unreadable,
                ]
            )
        )
    return grouped(found, below)


def grouped(found: Sequence[FinishedRun], below: Found | None = None) -> Runs:
    """Group finished runs that differ only in their seed.

    Parameters
    ----------
    found
        At least one finished run.
    below
        What else was found beside them.
    """
    below = below or Found()
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
        config=runs[0].labels,
        runs=sorted(runs, key=lambda run: run.result.seed),
        training_epsilon=str(config["training"]["epsilon"]),
        num_classes=config.get("dataset", {}).get("num_classes"),
    )


def _by_attack(below: Found) -> list[FinishedRun]:
    """Choose one evaluation for each model and set of attacks.

    Returns
    -------
    The chosen evaluations with their configurations, and with the checks that failed in
    any evaluation of the model by these attacks.
    """
    chosen: dict[tuple[str, str], FinishedRun] = {}
    for run in below.runs:
        for result in run.results:
            # A copy of a run in another folder does not count as another seed.
            attack = json.dumps(result.attack, sort_keys=True)
            key = (run.config["config_digest"], attack)
            if key in chosen:
                known = chosen[key].result
                failed = {n: result.checks[n] for n in result.failed_checks}
                both = replace(known, checks=known.checks | failed)
                chosen[key] = replace(chosen[key], result=both)
                continue
            chosen[key] = finished_run(run, result, below.unreadable)
    return [*chosen.values()]


def finished_run(run: FoundRun, result: Result, unreadable: list[str]) -> FinishedRun:
    """Return one evaluation of a run, with the configuration of this evaluation.

    ``unreadable`` receives a sentence about each file that cannot be read later.
    """
    evaluated = {"attack": result.attack, "choices": result.choices}
    config = with_one_epsilon({**run.config, **evaluated})
    return FinishedRun(config, result, StoredRun(run.path), labels(config), unreadable)


def _by_label(
    found: Sequence[FinishedRun],
) -> tuple[list[str], dict[tuple[str, ...], list[FinishedRun]]]:
    """Group runs by the labels in which their configurations differ.

    Returns
    -------
    names, groups
        Names of the columns, and the runs by their labels in these columns.
    """
    configs = [run.labels for run in found]
    columns = columns_of(configs)
    groups: dict[tuple[str, ...], list[FinishedRun]] = {}
    for values, each in zip(configs, found, strict=True):
        label = tuple(values.get(column, "") for column in columns)
        groups.setdefault(label, []).append(each)
    return [column.removeprefix(CHOICE) for column in columns], groups


def _clash(runs: Sequence[FinishedRun]) -> bool:
    """Return whether two experiments have the same seed and seed of the partition.

    As they agree in all keys, they differ in something else: the code of a user's
    module, or a version.
    """
    seeds = [
        (run.result.seed, repr(run.config.get("partition", {}).get("seed")))
        for run in runs
    ]
    return len(set(seeds)) < len(seeds)


def _apart(
    runs: list[FinishedRun], by_digest: bool
) -> list[tuple[str, list[FinishedRun]]]:
    """Put each clashing experiment into its own group, named by its digest."""
    if not by_digest:
        return [("", runs)]
    return [(run.config["config_digest"], [run]) for run in runs]
