"""The collected table: one row for each run, for each round, and for each epsilon.

Columns are the keys in which runs differ, by their dotted names, then ``seed``,
``config_digest``, ``evaluation_digest``, ``marks``, ``folder``, and the measures of
``measures.py``.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import pandas as pd

from fedrobust.record.result import Result
from fedrobust.report.finished_run import FinishedRun
from fedrobust.report.groups import Runs, SeedGroup
from fedrobust.report.labels import CHOICE
from fedrobust.report.measures import middle, numbers_of, numbers_of_round

# Columns that are neither keys nor measures.
IDENTITY = ("seed", "config_digest", "evaluation_digest", "marks", "folder")
ROUND, EPSILON = "round", "epsilon"


def varying_keys(runs: Runs) -> list[str]:
    """List the keys in which runs differ: labels first, then those they determine."""
    keys = {key for group in runs.groups for key in group.config}
    every = {
        key.removeprefix(CHOICE)
        for key in keys
        if len({group.config.get(key, "") for group in runs.groups}) > 1
    }
    return [*runs.columns, *sorted(every.difference(runs.columns))]


def values_of(runs: Runs, key: str) -> set[str]:
    """Return the values of a key in all runs; empty for what is no key."""
    every = {_keys_of(group, [key])[key] for group in runs.groups}
    return every if key in varying_keys(runs) else set()


# Each figure of a report reads the same frame, which nobody changes.
@lru_cache(maxsize=1)
def runs_frame(runs: Runs) -> pd.DataFrame:
    """Return one row for each run, with its keys and measures."""
    epsilon = middle(runs.epsilons)
    return _frame(runs, lambda run: [numbers_of(run.result, epsilon)])


@lru_cache(maxsize=1)
def rounds_frame(runs: Runs) -> pd.DataFrame:
    """Return one row for each round of each run, with its keys and measures."""
    epsilon = middle(runs.epsilons)

    def rows(run: FinishedRun) -> Iterator[dict[str, Any]]:
        for row in run.rounds:
            yield {ROUND: row.round, **numbers_of_round(row, epsilon)}

    return _frame(runs, rows)


@lru_cache(maxsize=1)
def epsilons_frame(runs: Runs) -> pd.DataFrame:
    """Return one row for each run and epsilon of its evaluation; 0 is clean.

    ``robust_accuracy`` is that under all attacks together, and
    ``robust_accuracy.NAME`` that under one attack. ``macro_f1`` and the like are those
    under all attacks together, too; ``clean_accuracy`` is the same at every epsilon.
    """

    def rows(run: FinishedRun) -> Iterator[dict[str, Any]]:
        result = run.result
        if not result.worst_robust_accuracy:
            return
        clean = {"clean_accuracy": result.clean_accuracy}
        each = result.robust_accuracy
        yield {
            EPSILON: 0.0,
            "robust_accuracy": result.clean_accuracy,
            **{f"robust_accuracy.{name}": result.clean_accuracy for name in each},
            **clean,
            **_of_classes(result, None),
        }
        for epsilon, worst in result.worst_robust_accuracy.items():
            if float(epsilon) > 0:
                by_attack = {
                    f"robust_accuracy.{n}": c.get(epsilon) for n, c in each.items()
                }
                yield {
                    EPSILON: float(epsilon),
                    "robust_accuracy": worst,
                    **by_attack,
                    **clean,
                    **_of_classes(result, epsilon),
                }

    return _frame(runs, rows)


def one_row_a_seed(tidy: pd.DataFrame, places: list[str]) -> pd.DataFrame:
    """Average runs of one seed, which ``partition.seed`` sets apart.

    Parameters
    ----------
    tidy
        Rows with ``digest`` and ``marks``, and numbers.
    places
        Columns that rows of one seed and one place of a figure agree in.
    """
    if not tidy.duplicated(places).any():
        return tidy

    def joined(texts: pd.Series) -> str:
        return " ".join(dict.fromkeys(w for text in texts for w in text.split()))

    others = tidy.columns.difference(places)
    by = {name: joined if name in ("digest", "marks") else "mean" for name in others}
    averaged = tidy.groupby(places, sort=False, dropna=False, as_index=False).agg(by)
    return averaged[tidy.columns]


def _of_classes(result: Result, epsilon: str | None) -> dict[str, float]:
    """Return macro F1 and the like under all attacks at an epsilon; clean for None.

    Without an attack, only those that are measured under attack as well.
    """
    found: Mapping[str, Any] = result.measures or {}
    worst = found.get("worst", {})
    if epsilon is not None:
        return _numbers(worst.get(epsilon, {}))
    attacked = {name for values in worst.values() for name in _numbers(values)}
    clean = _numbers(found.get("clean", {}))
    return {name: value for name, value in clean.items() if name in attacked}


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {n: float(v) for n, v in values.items() if isinstance(v, int | float)}


def _frame(runs: Runs, rows: Callable[[FinishedRun], Any]) -> pd.DataFrame:
    keys = varying_keys(runs)
    found = [
        {**_keys_of(group, keys), **_identity(runs, run), **row}
        for group in runs.groups
        for run in group.runs
        for row in rows(run)
    ]
    # A frame without rows has its columns, too.
    return pd.DataFrame(found, columns=None if found else [*keys, *IDENTITY])


def _keys_of(group: SeedGroup, keys: list[str]) -> dict[str, str]:
    return {
        key: group.labels.get(key)
        or group.config.get(CHOICE + key)
        or group.config.get(key, "")
        for key in keys
    }


def _identity(runs: Runs, run: FinishedRun) -> dict[str, Any]:
    return {
        "seed": run.result.seed,
        "config_digest": run.result.config_digest,
        "evaluation_digest": run.result.evaluation_digest,
        "marks": " ".join(runs.marks.of([run])),
        "folder": str(run.folder.path),
    }
