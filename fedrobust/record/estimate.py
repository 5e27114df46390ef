"""How long runs will take, from the duration of finished runs that are like them.

A training takes the median seconds a round of such runs, times its rounds. A model that
is trained already, by another job too, takes the median of their evaluations alone.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from fedrobust.errors import FileError
from fedrobust.files import read_json
from fedrobust.record.result import Result
from fedrobust.record.stored_run import StoredRun

# The choices in which runs must agree: those in the folder, and those elsewhere.
CLOSE, LOOSE = ("dataset", "model", "training"), ("dataset", "model")


@dataclass(frozen=True)
class Cost:
    """What a finished run has cost.

    Attributes
    ----------
    choices
        The choice made in each group.
    seconds_a_round
        Duration of training and evaluation, divided by the number of rounds.
    evaluation_seconds
        Duration of the last evaluation.
    """

    choices: dict[str, str]
    seconds_a_round: float
    evaluation_seconds: float


@dataclass(frozen=True)
class Planned:
    """A run to do: its choices, its rounds, and whether its model is trained."""

    choices: dict[str, str]
    num_rounds: int
    is_trained: bool


def costs_below(*folders: Path) -> list[Cost]:
    """Return the costs of all finished runs below folders, those in each other once."""
    paths = {
        path.resolve()
        for folder in folders
        for path in folder.rglob("evaluations/*.json")
    }
    return [cost for path in sorted(paths) if (cost := _cost(path)) is not None]


def _cost(path: Path) -> Cost | None:
    """Return the cost of an evaluation's run; None if it was not recorded."""
    # A torn file is reported by the commands that need it.
    with suppress(FileError):
        result = Result.from_json(read_json(path, ""), path, "")
        if result.wall_seconds is not None:
            seconds = result.wall_seconds + result.earlier_seconds
            return Cost(
                choices=result.choices,
                seconds_a_round=seconds / result.num_rounds,
                evaluation_seconds=_evaluation_seconds(path.parent.parent, result),
            )
    return None


def _evaluation_seconds(folder: Path, result: Result) -> float:
    if result.earlier_seconds:
        return result.wall_seconds or 0.0
    with suppress(FileError):
        return StoredRun(folder).rounds(result.num_rounds)[-1].evaluate_seconds
    return 0.0


def estimate(
    runs: Iterable[Planned], here: Sequence[Cost], elsewhere: Sequence[Cost]
) -> tuple[float, int]:
    """Estimate the duration of runs, one after the other.

    Parameters
    ----------
    runs
        The runs to do.
    here
        Costs in the same folder; those with the same data set, model and training are
        taken first.
    elsewhere
        Costs in any folder, of which those with the same data set and model are taken
        for a run that has none of the former.

    Returns
    -------
    The seconds, and the number of runs like which none has finished.
    """
    total, unknown = 0.0, 0
    for run in runs:
        like = _like(run, here, CLOSE) or _like(run, [*here, *elsewhere], LOOSE)
        if not like:
            unknown += 1
        elif run.is_trained:
            total += median(cost.evaluation_seconds for cost in like)
        else:
            total += run.num_rounds * median(cost.seconds_a_round for cost in like)
    return total, unknown


def _like(run: Planned, costs: Sequence[Cost], groups: Sequence[str]) -> list[Cost]:
    return [
        cost
        for cost in costs
        if all(cost.choices.get(g) == run.choices.get(g) for g in groups)
    ]
