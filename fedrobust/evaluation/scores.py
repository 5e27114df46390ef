"""What an evaluation gives: accuracies, checks, and the attacks' hyper-parameters."""

import inspect
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from fedrobust.evaluation.checks import Check

if TYPE_CHECKING:
    from fedrobust.attacks.base import Attack


@dataclass(frozen=True)
class Scores:
    """Accuracies in [0, 1].

    Attributes
    ----------
    clean
        Accuracy on the examples as they are.
    robust
        By name of the attack, then by ``repr`` of epsilon.
    checks
        Checks that keep the robust numbers honest, by name.
    num_examples
        How many examples they are of.
    worst
        Accuracy under all attacks together, by ``repr`` of epsilon.
    backdoor_success
        Share of the backdoor's victims that get its target; None without a backdoor.
    hyperparameters
        By name of the attack; None for an attack with parameters that are not fields.
    notes
        What else must be known to read the numbers.
    """

    clean: float
    robust: dict[str, dict[str, float]]
    checks: dict[str, Check]
    num_examples: int
    worst: dict[str, float]
    backdoor_success: float | None = None
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def hyperparameters(attack: "Attack") -> dict[str, Any] | None:
    """Return an attack's hyper-parameters; None where its constructor takes others.

    Epsilon is left out, because the evaluation sets it.
    """
    known = {f.name: _plain(getattr(attack, f.name)) for f in fields(attack)}
    taken = inspect.signature(type(attack)).parameters
    if not set(taken) <= set(known):
        return None
    del known["epsilon"]
    return known


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {"attack": type(value).__name__, **_plain(asdict(value))}
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | None) else repr(value)
