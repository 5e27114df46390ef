"""Send Gaussian noise instead of the update, or added to it.

    u' = N(mean, std^2)   or   u' = u + N(mean, std^2)

Blanchard, El Mhamdi, Guerraoui, Stainer: Machine Learning with Adversaries: Byzantine
Tolerant Gradient Descent, NeurIPS 2017, Section 5 (replace, std 200). The attacker
knows its own honest update. ByzFL and Blades replace the update; the FLANDERS baseline
adds noise of std 10 to the weights.
"""

from dataclasses import dataclass

import numpy as np

from fedrobust.byzantine.base import Vector
from fedrobust.byzantine.tampering import ClientContext, Tampering
from strategies.validation import require


@dataclass(frozen=True, kw_only=True)
class Gaussian(Tampering):
    """Send noise.

    Parameters
    ----------
    mean, std
        Moments of each coordinate, in units of the update; std above 0.
    mode
        ``replace`` or ``add``.
    """

    mean: float = 0.0
    std: float = 1.0
    mode: str = "replace"

    def __post_init__(self) -> None:
        require(abs(self.mean) < 1e30, "mean", self.mean, "a finite number")
        require(0 < self.std < 1e30, "std", self.std, "above 0 and finite")
        require(
            self.mode in ("replace", "add"), "mode", self.mode, "'replace' or 'add'"
        )

    def tamper(
        self,
        update: Vector,
        rng: np.random.Generator,
        context: ClientContext | None = None,
    ) -> Vector:
        """Return the noise, or the update plus the noise."""
        noise = rng.normal(self.mean, self.std, update.shape).astype(np.float32)
        return noise if self.mode == "replace" else update + noise
