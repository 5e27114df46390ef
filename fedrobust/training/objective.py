"""The adversarial training hook: what a client trains on, and with which loss.

An objective of your own needs ``perturb`` and ``loss``: pure TensorFlow, traced once
and run inside the compiled local epoch. Name its class in ``training.objective``.
"""

from dataclasses import dataclass

from fedrobust.network import BoundModel
from fedrobust.network.network import Tensor, cross_entropy
from strategies.validation import Validated


@dataclass(frozen=True, kw_only=True)
class Objective(Validated):
    """Cross-entropy on inputs that ``perturb`` makes.

    An objective with an attribute ``replays`` above 1 takes so many steps on each
    batch, and has ``advance(delta, gradient, round)``, which tells what a step makes of
    ``model.delta`` given the gradient of the loss by the inputs.
    """

    def perturb(self, model: BoundModel, x: Tensor, y: Tensor, seed: Tensor) -> Tensor:
        """Make the inputs of one batch.

        Parameters
        ----------
        model
            ``model(x)`` gives logits in inference mode. It knows the client's
            ``class_counts``, the model ``received`` from the server and the ``round``.
        x, y
            (batch, ...) inputs in [0, 1] and (batch,) labels.
        seed
            (2,) int32, the key of this batch.
        """
        return x

    def loss(self, model: BoundModel, x: Tensor, x_adv: Tensor, y: Tensor) -> Tensor:
        """Compute the (batch,) loss; weights are differentiated through it."""
        return cross_entropy(y, model(x_adv, training=True))
