"""CalFAT: adversarial training on logits that are calibrated for a client's labels.

    z'(x) = z(x) + log prior,  prior_c = n_c / n on this client, n_c at least 1
    min_w  E CE(z'(x'), y),    x' = argmax_{|x' - x| <= epsilon} KL(p'(x) || p'(x'))

Chen, Liu, Ma, Lyu: CalFAT: Calibrated federated adversarial training with label
skewness, NeurIPS 2022. A client that has few images of a class must not teach the
others that the class is rare. A class that a client lacks counts as one image, as in
the authors' code, which does otherwise besides:

    variant   trained on           attacked
    paper     z + log n_c          the same
    code      10 z + log n_c       z + 0.1 log(n_c + 1e-7), a tenth of it

(log n cancels in a softmax). The code's gradients are ten times as long: it takes a
learning rate of 0.01. The attack starts at x + 0.001 N(0, 1) in both.
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
    """A model whose logits are shifted."""

    model: Any
    shift: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Compute (batch, classes) calibrated logits in inference mode."""
        return self.model(x) + self.shift

    @property
    def round(self) -> Tensor:
        """The round."""
        return self.model.round


@dataclass(frozen=True, kw_only=True)
class CalFAT(KLObjective):
    """Train on calibrated logits and their adversarial examples.

    Parameters
    ----------
    variant
        ``paper`` or ``code``, see the table.
    """

    variant: str = "paper"

    def __post_init__(self) -> None:
        super().__post_init__()
        known = " or ".join(VARIANTS)
        require(self.variant in VARIANTS, "variant", self.variant, known)

    def perturb(self, model: BoundModel, x: Tensor, y: Tensor, seed: Tensor) -> Tensor:
        """Attack the calibrated model."""
        calibrated: Any = Calibrated(model, self._log_counts(model))
        return super().perturb(calibrated, x, y, seed)

    def loss(self, model: BoundModel, x: Tensor, x_adv: Tensor, y: Tensor) -> Tensor:
        """Compute the cross-entropy of calibrated logits."""
        logits = model(x_adv, training=True) + self._log_counts(model)
        return cross_entropy(y, SCALE * logits if self.variant == "code" else logits)

    def _log_counts(self, model: BoundModel) -> Tensor:
        counts = tf.maximum(model.class_counts, 1.0)
        if self.variant == "code":
            return tf.math.log(counts + 1e-7) / SCALE
        return tf.math.log(counts)
