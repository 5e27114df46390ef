"""Standard training: cross-entropy on the unperturbed images."""

from dataclasses import dataclass

from fedrobust.training.objective import Objective


@dataclass(frozen=True, kw_only=True)
class Standard(Objective):
    """Train with cross-entropy on clean images."""
