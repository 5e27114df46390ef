"""A finished run as reports read it, and numbers of its result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from fedrobust.errors import FileError
from fedrobust.files import Json
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow
from fedrobust.record.stored_run import StoredRun

# What to do about a file that cannot be read.
ADVICE = "restore or remove it"


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
    labels
        Every value of the configuration that may distinguish it, by dotted key.
    unreadable
        Receives a sentence about each file that cannot be read later.
    """

    config: Json
    result: Result
    folder: StoredRun
    labels: Mapping[str, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)

    @cached_property
    def rounds(self) -> list[RoundRow]:
        """The rounds of the training; empty if they were not recorded or are torn."""
        if not self.folder.metrics_path.exists():
            return []
        try:
            return self.folder.rounds(self.result.num_rounds, ADVICE)
        except FileError as error:
            self.unreadable.append(str(error))
            return []

    @property
    def evaluated_often(self) -> bool:
        """Whether more rounds than the last one may have been evaluated."""
        every = self.config.get("evaluation", {}).get("every", 1)
        return self.result.num_rounds > 1 and every < self.result.num_rounds


# Returns a number of a result; None if the result has none.
NumberOf = Callable[[Result], float | None]


def clean_accuracy(result: Result) -> float:
    """Return the clean accuracy, in [0, 1]."""
    return result.clean_accuracy


def worst_accuracy_at(epsilon: str) -> NumberOf:
    """Return the accuracy under all attacks together at an epsilon."""
    return lambda result: result.worst_robust_accuracy.get(epsilon)


def backdoor_success(result: Result) -> float | None:
    """Return the share of the backdoor's victims that the model assigns to its target.

    None without a backdoor.
    """
    return result.backdoor_success
