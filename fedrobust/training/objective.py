"""The adversarial training hook: the inputs that a client trains on, and its loss.

A custom objective defines ``perturb`` and ``loss`` in pure TensorFlow. Both are traced
once and run inside the compiled local epoch. Name its class in ``training.objective``.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from fedrobust.network import BoundModel
from fedrobust.network.network import Tensor, cross_entropy
from strategies.validation import Validated


@dataclass(frozen=True, kw_only=True)
class Objective(Validated):
    """Cross-entropy on the inputs that ``perturb`` returns.

    An objective that is also :class:`Replaying` takes several steps on each batch.
    """

    # Raise it when a default or a result changes, so that no old result is reused.
    version: ClassVar[int] = 1

    @property
    def separate(self) -> bool:
        """Whether an example's input and loss use no other example.

        They may depend on the weights, the round and draws of their own, but neither on
        other examples nor on the size of the batch or the place in it. DP-SGD needs it.
        """
        return True

    def perturb(self, model: BoundModel, x: Tensor, y: Tensor, seed: Tensor) -> Tensor:
        """Return the (batch, ...) inputs to train on for one batch.

        Parameters
        ----------
        model
            ``model(x)`` returns logits in inference mode. It also has the client's
            ``class_counts``, the model ``received`` from the server and the ``round``.
        x, y
            (batch, ...) inputs in [0, 1] and (batch,) labels.
        seed
            (2,) int32, the key of this batch's random draws.
        """
        return x

    def loss(self, model: BoundModel, x: Tensor, x_adv: Tensor, y: Tensor) -> Tensor:
        """Return the (batch,) losses, which are differentiated by the weights."""
        return cross_entropy(y, model(x_adv, training=True))


@runtime_checkable
class Replaying(Protocol):
    """An objective that takes several steps on each batch, carrying a perturbation.

    Its ``perturb`` gets the perturbation as ``model.delta``.
    """

    @property
    def replays(self) -> int:
        """Number of steps on each batch."""

    def advance(self, delta: Tensor, gradient: Tensor, round: Tensor) -> Tensor:
        """Return the perturbation after a step.

        Parameters
        ----------
        delta
            (batch, ...) perturbation before the step.
        gradient
            Gradient of the loss at the perturbed inputs, of the same shape.
        round
            Number of the round, starting at 1.
        """
