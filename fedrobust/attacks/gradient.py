"""Shared parts of gradient attacks: the input gradient, and projected ascent."""

from collections.abc import Callable

from fedrobust.attacks.ball import Ball
from fedrobust.attacks.losses import kl_divergence, margin
from fedrobust.backend import tf, while_loop
from fedrobust.network import BoundModel
from fedrobust.network.network import Tensor, cross_entropy
from strategies.validation import require

# Maps the (batch, classes) logits to the (batch,) losses.
Loss = Callable[[Tensor], Tensor]
LOSSES = ("ce", "margin", "kl")


def require_loss(loss: str) -> None:
    """Raise ValueError for a loss that is not one of ``LOSSES``."""
    require(loss in LOSSES, "loss", loss, " or ".join(LOSSES))


def loss_of(name: str, model: BoundModel, x: Tensor, y: Tensor) -> Loss:
    """Return the loss of a name; ``kl`` is the divergence from the outputs at x."""
    if name == "kl":
        reference = tf.stop_gradient(model(x))
        return lambda logits: kl_divergence(reference, logits)
    function = cross_entropy if name == "ce" else margin
    return lambda logits: function(y, logits)


def value_and_gradient(
    model: BoundModel, x: Tensor, loss: Loss
) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits, (batch,) losses and the gradients of the losses at the inputs.

    The gradient is zero if the loss does not depend differentiably on the inputs, for
    instance behind a rounding.
    """
    zero = tf.UnconnectedGradients.ZERO
    if tf.executing_eagerly():
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = model(x)
            values = loss(logits)
        return logits, values, tape.gradient(values, x, unconnected_gradients=zero)
    logits = model(x)
    values = loss(logits)
    # Unlike a tape, this uses the gradients of fedrobust.network.input_gradient.
    (gradient,) = tf.gradients(values, x, unconnected_gradients=zero)
    return logits, values, gradient


def climb(
    model: BoundModel, x: Tensor, loss: Loss, ball: Ball, step_size: Tensor, steps: int
) -> Tensor:
    """Return x after gradient steps of one length, each projected to the ball."""

    def step(i: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        _, _, gradient = value_and_gradient(model, x, loss)
        return i + 1, ball.project(x + step_size * ball.steepest(gradient))

    _, x = while_loop(lambda i, x: i < steps, step, (0, x))
    return tf.stop_gradient(x)
