"""The columns of the report of runs, in one list that all its tables use."""

from collections.abc import Callable, Sequence

import numpy as np

from fedrobust.record.result import Result
from fedrobust.report.column import Column
from fedrobust.report.finished_run import (
    NumberOf,
    backdoor_success,
    clean_accuracy,
    worst_accuracy_at,
)
from fedrobust.report.groups import Runs, SeedGroup
from fedrobust.report.marks import Marks, raised
from fedrobust.report.measures import short

MISSING = "–"
CLIENTS = "worst client / spread"


def columns(runs: Runs) -> list[Column[SeedGroup]]:
    """Return the columns of a folder's runs, in their order.

    A row of a table is a group of seeds; a row of report.csv is a group of one run.
    """
    several = any(len(group.seeds) > 1 for group in runs.groups)
    every = [
        *map(_label, runs.columns),
        Column("seed", _first_seed, _num_seeds if several else None, "seeds"),
        share("clean", clean_accuracy, runs.marks),
        *(
            share(f"robust_{e}", worst_accuracy_at(e), runs.marks, f"ε={short(e)}")
            for e in runs.epsilons
        ),
        share("backdoor_success", backdoor_success, runs.marks, "backdoor", True),
        Column(
            "privacy_epsilon",
            _mean(privacy_epsilon),
            lambda group: _privacy(group, runs.marks),
            "ε of privacy",
            is_optional=True,
        ),
        *FIGURES,
    ]
    return [c for c in every if not (c.is_optional and _is_empty(c, runs))]


def share(
    name: str,
    figure: NumberOf,
    marks: Marks,
    heading: str | None = None,
    is_optional: bool = False,
) -> Column[SeedGroup]:
    """Return the column of a share, in percent with its spread over seeds and marks."""

    def text(group: SeedGroup) -> str:
        number = percent(group.mean(figure), group.std(figure))
        return number if number == MISSING else number + raised(marks.of(group.runs))

    return Column(
        name,
        lambda group: group.mean(figure),
        text,
        heading,
        is_optional=is_optional,
    )


def percent(mean: float | None, std: float | None = None) -> str:
    """Return an accuracy in percent as text, with its spread over seeds if known."""
    if mean is None:
        return MISSING
    return f"{100 * mean:.1f}" + ("" if std is None else f" ± {100 * std:.1f}")


def number(value: float) -> str:
    """Return a share in percent as text; nan is a dash."""
    # Adding 0 writes -0.0 as 0.0.
    return MISSING if np.isnan(value) else f"{round(100 * value, 1) + 0.0:.1f}"


def checks(results: Sequence[Result]) -> str:
    """Return the failed checks or the number of passed ones, and the skipped rounds.

    A check that was not run never counts as passed.
    """
    every = [check.status for result in results for check in result.checks.values()]
    text = f"{every.count('pass')} of {len(every)}" if every else MISSING
    failed = sorted({name for result in results for name in result.failed_checks})
    if failed:
        text = "FAILED: " + ", ".join(failed)
    skipped = sum(result.skipped_rounds for result in results)
    return f"{text}; SKIPPED {skipped} rounds" if skipped else text


def privacy_epsilon(result: Result) -> float | None:
    """Return the epsilon that a run has spent; None if it claims none."""
    found = (result.privacy or {}).get("epsilon")
    return found if isinstance(found, int | float) else None


def worst_client(result: Result) -> float | None:
    """Return the clean accuracy of the worst client on the images it holds out."""
    return result.over_clients("worst_client")


def client_spread(result: Result) -> float | None:
    """Return the standard deviation over clients of that accuracy."""
    return result.over_clients("spread")


def _label(name: str) -> Column[SeedGroup]:
    def text(group: SeedGroup) -> str:
        return group.labels[name]

    return Column(name, text, text, is_label=True)


def _first_seed(group: SeedGroup) -> int:
    return group.seeds[0]


def _num_seeds(group: SeedGroup) -> str:
    return str(len(group.seeds))


def _clients(group: SeedGroup) -> str:
    return " / ".join(percent(group.mean(f)) for f in (worst_client, client_spread))


def _privacy(group: SeedGroup, marks: Marks) -> str:
    """Return an epsilon, "none" with its marks if none is claimed, or a dash."""
    mean = group.mean(privacy_epsilon)
    if mean is not None:
        return "<0.001" if mean < 0.001 else f"{mean:.3g}"
    if not any(result.privacy for result in group.results):
        return MISSING
    return f"none{raised(marks.of(group.runs))}"


def _checks(group: SeedGroup) -> str | None:
    text = checks(group.results)
    return None if text == MISSING else text


def _mean(figure: NumberOf) -> Callable[[SeedGroup], float | None]:
    return lambda group: group.mean(figure)


def _number(figure: NumberOf, digits: int) -> Callable[[SeedGroup], str]:
    def text(group: SeedGroup) -> str:
        mean = group.mean(figure)
        return MISSING if mean is None else f"{mean:.{digits}f}"

    return text


def _megabytes(result: Result) -> float | None:
    return result.megabytes_a_round


def _seconds(result: Result) -> float | None:
    return result.wall_seconds


def _is_empty(column: Column[SeedGroup], runs: Runs) -> bool:
    return all(column.value(group) is None for group in runs.each_alone())


# The columns after the accuracies. A new column of every table is an entry here.
FIGURES: list[Column[SeedGroup]] = [
    Column("worst_client", _mean(worst_client), _clients, CLIENTS, is_optional=True),
    Column("client_spread", _mean(client_spread), is_optional=True),
    Column("checks", _checks, lambda group: checks(group.results)),
    Column("megabytes_a_round", _mean(_megabytes), _number(_megabytes, 2), "MB/round"),
    Column("wall_seconds", _mean(_seconds), _number(_seconds, 1), "s"),
    Column("config_digest", lambda group: group.results[0].config_digest),
]
