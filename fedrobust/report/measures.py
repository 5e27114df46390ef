"""The measures of runs and of their rounds, by name.

Every number of result.json and of a line of metrics.jsonl is a measure, named by its
keys joined with dots, such as ``robust_accuracy.pgd.0.1``. Short names stand for the
measures that are drawn most.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow

# Parts of a result that hold no measure of the run.
NOT_MEASURES = (
    *("attack", "choices", "checks", "environment", "evaluation_environment"),
    *("hyperparameters", "others", "other_versions", "seed", "num_rounds", "warnings"),
)
# The numbers of ``privacy`` that measure the run; the others are keys.
OF_PRIVACY = ("epsilon", "epsilon_classic")
# Parts with one number for each client, which are no measures of the run either.
BY_CLIENT = "by_client"
SHARES = (
    *("accuracy", "success", "precision", "recall", "f1", "auc", "calibration_error"),
    *("worst_client", "client_spread"),
)
# What only counts, or sums what cannot be negative.
NOT_NEGATIVE = ("loss", "seconds", "bytes", "megabytes", "norm", "rounds", "num_")
WORDS = {
    "clean_accuracy": "clean accuracy",
    "robust_accuracy": "accuracy under attack",
    "backdoor_success": "backdoor success",
    "macro_f1": "macro F1",
    "auc": "AUC",
    "calibration_error": "expected calibration error",
    "wall_seconds": "seconds",
    "megabytes_a_round": "MB a round",
    "worst_client": "worst client's accuracy",
    "client_spread": "spread over clients",
    "privacy.epsilon": "ε of privacy",
    "privacy.epsilon_classic": "ε of privacy, classic conversion",
    "epsilon_spent": "ε of privacy",
}

# A dot between keys, and not that of a number.
_DOT = re.compile(r"(?<!\d)\.|\.(?!\d)")


@dataclass(frozen=True)
class Measure:
    """A measure as figures show it.

    Attributes
    ----------
    name
        Its name, a column of a frame.
    label
        What stands at an axis, with the unit.
    is_share
        Whether it lies in [0, 1] and is shown in percent.
    """

    name: str
    label: str
    is_share: bool

    @property
    def scale(self) -> float:
        """The factor from its value to the number at an axis."""
        return 100.0 if self.is_share else 1.0

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest number that it may have at an axis."""
        if self.is_share:
            return 0.0, 100.0
        is_positive = any(part in self.name for part in NOT_NEGATIVE)
        return 0.0 if is_positive else -math.inf, math.inf


def measure(name: str, epsilon: str | None = None) -> Measure:
    """Return how a measure is shown.

    Parameters
    ----------
    name
        The name of the measure.
    epsilon
        The epsilon that ``robust_accuracy`` stands for; None if there is none.
    """
    is_share = any(part in name for part in SHARES)
    words = WORDS.get(name, _DOT.sub(" ", name).replace("_", " "))
    if name == "robust_accuracy" and epsilon is not None:
        words += f" at ε = {short(epsilon)}"
    return Measure(name, f"{words} (%)" if is_share else words, is_share)


def numbers_of(result: Result, epsilon: str | None) -> dict[str, float]:
    """Return every measure of a result; ``epsilon`` is that of ``robust_accuracy``."""
    values = {f: v for f, v in vars(result).items() if f not in NOT_MEASURES}
    short = values.pop("measures", None) or {}
    private = result.privacy or {}
    values["privacy"] = {name: private.get(name) for name in OF_PRIVACY}
    values["worst_client"] = result.over_clients("worst_client")
    values["client_spread"] = result.over_clients("spread")
    values["megabytes_a_round"] = result.megabytes_a_round
    if epsilon is not None:
        values["robust_accuracy_at"] = result.worst_robust_accuracy.get(epsilon)
    found = dict(_numbers({**short.get("clean", {}), **values}))
    found |= _numbers(short.get("worst", {}), "robust")
    if "robust_accuracy_at" in found:
        found["robust_accuracy"] = found.pop("robust_accuracy_at")
    return found


def numbers_of_round(row: RoundRow, epsilon: str | None) -> dict[str, float]:
    """Return every measure of a round.

    ``robust_accuracy`` is the lowest accuracy over the attacks at ``epsilon``, because
    rounds do not record which examples withstand all of them.
    """
    values = vars(row)
    found = dict(_numbers(values))
    del found["round"]
    at = [
        accuracies[epsilon]
        for accuracies in (row.robust_accuracy or {}).values()
        if epsilon is not None and epsilon in accuracies
    ]
    if at:
        found["robust_accuracy"] = min(at)
    return found


def _numbers(
    values: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, float]]:
    """Yield every number by its dotted key."""
    for key, value in values.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if key == BY_CLIENT:
            continue
        if isinstance(value, bool):
            continue
        if isinstance(value, int | float):
            yield name, float(value)
        elif isinstance(value, Mapping):
            yield from _numbers(value, name)
        elif hasattr(value, "__dataclass_fields__"):
            yield from _numbers(asdict(value), name)


def short(epsilon: str) -> str:
    """Write an epsilon with up to four digits; a fraction or a word as it is."""
    try:
        return f"{float(epsilon):.4g}"
    except ValueError:
        return epsilon


def middle(epsilons: Iterable[str]) -> str | None:
    """Return the epsilon at which a report shows robust accuracy.

    The middle one of those above 0, and the larger one of two; None without any.
    """
    every = sorted((e for e in epsilons if float(e) > 0), key=float)
    return every[len(every) // 2] if every else None
