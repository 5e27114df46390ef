"""The columns of every table of runs: one list, which all writers go through."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fedrobust.record.result import Result
from fedrobust.report.groups import (
    Figure,
    Runs,
    SeedGroup,
    clean_accuracy,
    worst_accuracy_at,
)
from fedrobust.report.panels import STAR

MISSING = "–"
CLIENTS = "worst client / spread"


@dataclass(frozen=True)
class Column:
    """A column of report.csv, and of the tables in the terminal and in Markdown.

    Attributes
    ----------
    name
        In report.csv.
    value
        Of a run of a group; None for a run that has none.
    text
        Of a group of runs that differ only in their seed, as tables show it; None for a
        column of report.csv alone.
    heading
        In tables, if it is not the name.
    is_label
        Whether the column tells groups apart; it is aligned at the left.
    is_optional
        Whether the column is left out where no run has a value.
    """

    name: str
    value: Callable[[SeedGroup, Result], object]
    text: Callable[[SeedGroup], str] | None = None
    heading: str | None = None
    is_label: bool = False
    is_optional: bool = False


def columns(runs: Runs) -> list[Column]:
    """Return the columns of a folder's runs, in their order."""
    several = any(len(group.seeds) > 1 for group in runs.groups)
    every = [
        *map(_label, runs.columns),
        Column("seed", lambda _, r: r.seed, _num_seeds if several else None, "seeds"),
        accuracy("clean", clean_accuracy),
        *(
            accuracy(f"robust_{e}", worst_accuracy_at(e), f"ε={float(e):.4g}")
            for e in runs.epsilons
        ),
        *FIGURES,
    ]
    return [c for c in every if not (c.is_optional and _is_empty(c, runs))]


def shown(runs: Runs) -> tuple[list[str], list[list[str]], list[str]]:
    """Return the headings of a table, its rows, and the headings aligned at the left.

    A row is a group of runs.
    """
    there = [
        (c.heading or c.name, c.text, c.is_label)
        for c in columns(runs)
        if c.text is not None
    ]
    rows = [[text(group) for _, text, _ in there] for group in runs.groups]
    left = [heading for heading, _, is_label in there if is_label]
    return [heading for heading, _, _ in there], rows, left


def accuracy(
    name: str, figure: Figure, heading: str | None = None, is_optional: bool = False
) -> Column:
    """Return the column of an accuracy, in percent with its spread over seeds."""
    return Column(
        name,
        lambda _, result: figure(result),
        lambda group: percent(group.mean(figure), group.std(figure)),
        heading,
        is_optional=is_optional,
    )


def percent(mean: float | None, std: float | None = None) -> str:
    """Write an accuracy in percent, with its spread over seeds where there is one."""
    if mean is None:
        return MISSING
    return f"{100 * mean:.1f}" + ("" if std is None else f" ± {100 * std:.1f}")


def number(value: float, is_doubtful: bool = False) -> str:
    """Write a share in percent, with a star where doubtful; nan is a dash."""
    star = STAR if is_doubtful else ""
    return MISSING if np.isnan(value) else f"{100 * value:.1f}{star}"


def checks(results: Sequence[Result]) -> str:
    """Return the failed checks, or how many passed, and how many rounds were skipped.

    A check that was not run never counts as passed.
    """
    every = [check.status for result in results for check in result.checks.values()]
    text = f"{every.count('pass')} of {len(every)}" if every else MISSING
    failed = sorted({name for result in results for name in result.failed_checks})
    if failed:
        text = "FAILED: " + ", ".join(failed)
    skipped = sum(result.skipped_rounds for result in results)
    return f"{text}; SKIPPED {skipped} rounds" if skipped else text


def worst_client(result: Result) -> float | None:
    """Return the clean accuracy of the worst client on the images it holds out."""
    return result.over_clients("worst_client")


def client_spread(result: Result) -> float | None:
    """Return the standard deviation over clients of that accuracy."""
    return result.over_clients("spread")


def _label(name: str) -> Column:
    return Column(
        name,
        lambda group, _: group.labels[name],
        lambda group: group.labels[name],
        is_label=True,
    )


def _num_seeds(group: SeedGroup) -> str:
    return str(len(group.seeds))


def _clients(group: SeedGroup) -> str:
    return " / ".join(percent(group.mean(f)) for f in (worst_client, client_spread))


def _mean(figure: Figure, digits: int) -> Callable[[SeedGroup], str]:
    return lambda group: f"{group.mean(figure) or 0.0:.{digits}f}"


def _checks(result: Result) -> str | None:
    return checks([result]) if result.checks or result.skipped_rounds else None


def _megabytes(result: Result) -> float | None:
    return result.megabytes_a_round


def _seconds(result: Result) -> float | None:
    return result.wall_seconds


def _is_empty(column: Column, runs: Runs) -> bool:
    return all(
        column.value(group, result) is None
        for group in runs.groups
        for result in group.results
    )


# The columns after the accuracies. A new column of every table is an entry here.
FIGURES = [
    Column("worst_client", lambda _, r: worst_client(r), _clients, CLIENTS,
           is_optional=True),
    Column("client_spread", lambda _, r: client_spread(r), is_optional=True),
    Column("checks", lambda _, r: _checks(r), lambda group: checks(group.results)),
    Column("megabytes_a_round", lambda _, r: _megabytes(r), _mean(_megabytes, 2),
           "MB/round"),
    Column("wall_seconds", lambda _, r: _seconds(r), _mean(_seconds, 1), "s"),
    Column("config_digest", lambda _, r: r.config_digest),
]  # fmt: skip
