"""The adversarial training hook: what a client trains on, and with which loss.

An objective of your own needs ``perturb`` and ``loss``: pure TensorFlow, traced once
and run inside the compiled local epoch. Name its class in ``training.objective``.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from fedrobust.network import BoundModel
from fedrobust.network.network import Tensor, cross_entropy
from strategies.validation import Validated


@dataclass(frozen=True, kw_only=True)
class Objective(Validated):
    """Cross-entropy on inputs that ``perturb`` makes.

    An objective that is :class:`Replaying` as well takes several steps on each batch.
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


@runtime_checkable
class Replaying(Protocol):
    """What an objective has that replays batches and carries a perturbation along.

    Its ``perturb`` finds the perturbation in ``model.delta``.
    """

    @property
    def replays(self) -> int:
        """Steps on each batch."""

    def advance(self, delta: Tensor, gradient: Tensor, round: Tensor) -> Tensor:
        """Return the perturbation after a step.

        Parameters
        ----------
        delta
            (batch, ...) the perturbation before it.
        gradient
            Gradient of the loss by the perturbed inputs, of the same shape.
        round
            The round, from 1.
        """
