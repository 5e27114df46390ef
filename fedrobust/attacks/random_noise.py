"""RandomNoise: a uniform draw from the ball, the control that attacks should beat.

    x' = clip(x + e u),   u uniform in the unit ball

Athalye, Carlini, Wagner: Obfuscated Gradients Give a False Sense of Security:
Circumventing Defenses to Adversarial Examples, ICML 2018, Section 3.1: if random noise
fools a model but gradient attacks do not, its gradients are masked.
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
    """Add random noise within the ball.

    Parameters
    ----------
    restarts
        Number of draws, at least 1; later ones for the examples that are still robust.
    """

    version: ClassVar[int] = 2

    restarts: int = 1

    # Other draws than PGD's random starts: without a gradient, PGD tries nothing else.
    purpose: ClassVar[Purpose] = Purpose.RANDOM_NOISE

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("restarts", self.restarts, 1)

    def passes(self, num_classes: int) -> int:
        """Return the number of draws."""
        return self.restarts

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Draws:
        """Draw the noise, in units of epsilon."""
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
