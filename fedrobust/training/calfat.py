"""CalFAT: adversarial training on logits calibrated for the client's label counts.

    z'(x) = z(x) + log prior,  prior_c = n_c / n on this client, n_c at least 1
    min_w  E CE(z'(x'), y),    x' = argmax_{|x' - x| <= epsilon} KL(p'(x) || p'(x'))

Chen, Liu, Ma, Lyu: CalFAT: Calibrated federated adversarial training with label
skewness, NeurIPS 2022. A client with few images of a class should not teach the global
model that the class is rare. A class that a client lacks counts as one image, as in the
authors' code. In other respects the code differs from the paper:

    variant   trained logits       attacked logits
    paper     z + log n_c          the same
    code      10 z + log n_c       z + 0.1 log(n_c + 1e-7), a tenth of the trained ones

(log n cancels in a softmax). The gradients of ``code`` are ten times as long, and the
authors use a learning rate of 0.01. In both variants the attack starts at
x + 0.001 N(0, 1).
"""

from dataclasses import dataclass
from typing import Any

from fedrobust.backend import tf
from fedrobust.network import BoundModel
from fedrobust.network.network import Tensor, cross_entropy
from fedrobust.training.pgd import KLObjective
from strategies.validation import require

VARIANTS = ("paper", "code")
SCALE = 10.0


@dataclass(frozen=True)
class Calibrated:
    """A model with shifted logits."""

    model: Any
    shift: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Return the (batch, classes) calibrated logits in inference mode."""
        return self.model(x) + self.shift

    @property
    def round(self) -> Tensor:
        """The round, from 1."""
        return self.model.round


@dataclass(frozen=True, kw_only=True)
class CalFAT(KLObjective):
    """Train on calibrated logits and their adversarial examples.

    Parameters
    ----------
    variant
        ``paper`` or ``code``; see the table in the module's description.
    """

    variant: str = "paper"

    def __post_init__(self) -> None:
        super().__post_init__()
        known = " or ".join(VARIANTS)
        require(self.variant in VARIANTS, "variant", self.variant, known)

    @property
    def separate(self) -> bool:
        """False, as the client's label counts shift every logit."""
        return False

    def perturb(self, model: BoundModel, x: Tensor, y: Tensor, seed: Tensor) -> Tensor:
        """Attack the calibrated model."""
        calibrated: Any = Calibrated(model, self._log_counts(model))
        return super().perturb(calibrated, x, y, seed)

    def loss(self, model: BoundModel, x: Tensor, x_adv: Tensor, y: Tensor) -> Tensor:
        """Return the cross-entropy of the calibrated logits."""
        logits = model(x_adv, training=True) + self._log_counts(model)
        return cross_entropy(y, SCALE * logits if self.variant == "code" else logits)

    def _log_counts(self, model: BoundModel) -> Tensor:
        counts = tf.maximum(model.class_counts, 1.0)
        if self.variant == "code":
            return tf.math.log(counts + 1e-7) / SCALE
        return tf.math.log(counts)
