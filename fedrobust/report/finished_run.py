"""A finished run as reports read it, and figures of its result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fedrobust.files import Json
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow
from fedrobust.record.stored_run import StoredRun

# Returns a number of a result; None if the result has none.
Figure = Callable[[Result], float | None]


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
        The resolved configuration of the evaluation.
    result
        The result of the evaluation.
    folder
        The folder of the run.
    rounds
        The rounds of the training; empty if the run recorded none.
    labels
        Every value of the configuration that may distinguish it, by dotted key.
    """

    config: Json
    result: Result
    folder: StoredRun
    rounds: list[RoundRow] = field(default_factory=list)
    labels: Mapping[str, str] = field(default_factory=dict)


def backdoor_success(result: Result) -> float | None:
    """Return the share of the backdoor's victims that the model assigns to its target.

    None without a backdoor.
    """
    return result.backdoor_success
