"""Standard training: the clean images as they are."""

from dataclasses import dataclass

from fedrobust.training.objective import Objective


@dataclass(frozen=True, kw_only=True)
class Standard(Objective):
    """Train on clean images with cross-entropy."""
