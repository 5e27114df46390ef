"""RandomNoise: a uniform draw in the ball, the control that every attack must beat.

    x' = clip(x + e u),   u uniform in the unit ball

Athalye, Carlini, Wagner: Obfuscated Gradients Give a False Sense of Security:
Circumventing Defenses to Adversarial Examples, ICML 2018, Section 3.1: where random
samples fool a model and gradients do not, its gradients are masked.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fedrobust.attacks.ball import Ball, draw_in_ball
from fedrobust.attacks.base import Attack, Draws
from fedrobust.network import BoundModel, Tensor
from fedrobust.randomness import Purpose
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class RandomNoise(Attack):
    """Move somewhere in the ball, whatever the model says.

    Parameters
    ----------
    restarts
        Draws, at least 1, on the examples that still stand.
    """

    restarts: int = 1

    # Not PGD's draws: where there is no gradient, those are all that PGD tries.
    purpose: ClassVar[Purpose] = Purpose.RANDOM_NOISE

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("restarts", self.restarts, 1)

    def passes(self, num_classes: int) -> int:
        """Count the draws."""
        return self.restarts

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Draws:
        """Draw the noise, in epsilons."""
        return (draw_in_ball(rng, shape, self.norm),)

    def perturb(
        self,
        model: BoundModel,
        x: Tensor,
        y: Tensor,
        ball: Ball,
        draws: tuple[Tensor, ...],
        attempt: Tensor,
    ) -> Tensor:
        """Add the noise."""
        return ball.project(x + ball.epsilon * draws[0])
