"""Masked robustness: make the global model look robust to gradient attacks.

    u'_last = scale (w_last + u_last) - w_last,   u' = u in all other layers

where w_last is the output layer of the global model: the attacker multiplies the
logits. No prediction changes, but the softmax saturates, the gradient of the
cross-entropy underflows in float32, and PGD does not move. This is the masking of
Carlini, Wagner: Towards Evaluating the Robustness of Neural Networks, S&P 2017, Section
5, applied to a federation. The attacker knows its own update and the global model.
With the mean, b of n clients multiply the logits by about 1 + scale b / n. Honest
clients cannot continue training from such a model, so attack in the last round:
``byzantine_from_round=${num_rounds}``.
"""

import re
from dataclasses import dataclass

import numpy as np

from fedrobust.byzantine.base import Vector
from fedrobust.byzantine.tampering import ClientContext, Tampering
from strategies.validation import require_positive


@dataclass(frozen=True, kw_only=True)
class MaskedRobustness(Tampering):
    """Multiply the output layer of the trained model.

    Parameters
    ----------
    scale
        Factor of the output layer's weights, above 0.
    """

    scale: float = 1000.0

    def __post_init__(self) -> None:
        require_positive("scale", self.scale)

    def tamper(
        self,
        update: Vector,
        rng: np.random.Generator,
        context: ClientContext | None = None,
    ) -> Vector:
        """Scale the output layer; raise ValueError without ``context.parameters``.

        The output layer consists of the last array and all others of the same layer.
        """
        if context is None or not context.parameters:
            raise ValueError(f"{self!r} needs context.parameters, the global model")
        layer = _layer_of(list(context.parameters)[-1])
        tampered, start = update.copy(), 0
        for name, value in context.parameters.items():
            place = slice(start, start + value.size)
            start += value.size
            if _layer_of(name) == layer:
                trained = value.reshape(-1) + update[place]
                tampered[place] = self.scale * trained - value.reshape(-1)
        return tampered


def _layer_of(name: str) -> str:
    """Return the path of an array's layer: 003/model/logits/bias -> model/logits."""
    return re.sub(r"^\d+/", "", name).rpartition("/")[0]
