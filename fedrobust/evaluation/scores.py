"""The results of an evaluation: accuracies, checks, and hyper-parameters."""

import inspect
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from fedrobust.evaluation.checks import Check

if TYPE_CHECKING:
    from fedrobust.attacks.base import Attack
    from fedrobust.evaluation.details import Details


@dataclass(frozen=True)
class Scores:
    """Accuracies in [0, 1].

    Attributes
    ----------
    clean
        Accuracy on the unmodified examples.
    robust
        Accuracy under attack, by name of the attack, then by ``repr`` of epsilon.
    checks
        Checks of the robust numbers, by name.
    num_examples
        Number of examples.
    worst
        Accuracy under all attacks together, by ``repr`` of epsilon.
    backdoor_success
        Share of the backdoor's victims for which the model predicts its target; None
        without a backdoor.
    hyperparameters
        Hyper-parameters by attack; None for an attack with parameters that are not
        fields.
    notes
        What else a reader of the numbers must know.
    loss
        Mean cross-entropy of the unmodified examples; None if an output is not finite.
    details
        Measures, confusion matrices and examples; None for an evaluation without them.
    """

    clean: float
    robust: dict[str, dict[str, float]]
    checks: dict[str, Check]
    num_examples: int
    worst: dict[str, float]
    backdoor_success: float | None = None
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    loss: float | None = None
    details: "Details | None" = field(default=None, compare=False)


def hyperparameters(attack: "Attack") -> dict[str, Any] | None:
    """Return an attack's hyper-parameters without epsilon, which the evaluation sets.

    The result is None if the constructor takes parameters that are not fields.
    """
    known = {f.name: _plain(getattr(attack, f.name)) for f in fields(attack)}
    taken = inspect.signature(type(attack)).parameters
    if not set(taken) <= set(known):
        return None
    del known["epsilon"]
    return known


def _plain(value: Any) -> Any:
    """Return a value in the types of JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        return {"attack": type(value).__name__, **_plain(asdict(value))}
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | None) else repr(value)
