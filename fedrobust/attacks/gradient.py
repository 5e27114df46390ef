"""What gradient attacks share: the gradient at the inputs, and climbing along it."""

from collections.abc import Callable

from fedrobust.attacks.ball import Ball
from fedrobust.attacks.losses import kl_divergence, margin
from fedrobust.backend import tf, while_loop
from fedrobust.network import BoundModel
from fedrobust.network.network import Tensor, cross_entropy
from strategies.validation import require

# Logits of a batch -> the loss of each example.
Loss = Callable[[Tensor], Tensor]
LOSSES = ("ce", "margin", "kl")


def require_loss(loss: str) -> None:
    """Raise ValueError for a loss that is not one of ``LOSSES``."""
    require(loss in LOSSES, "loss", loss, " or ".join(LOSSES))


def loss_of(name: str, model: BoundModel, x: Tensor, y: Tensor) -> Loss:
    """Give the loss of a name; KL is to the answers at x."""
    if name == "kl":
        reference = tf.stop_gradient(model(x))
        return lambda logits: kl_divergence(reference, logits)
    function = cross_entropy if name == "ce" else margin
    return lambda logits: function(y, logits)


def value_and_gradient(
    model: BoundModel, x: Tensor, loss: Loss
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute logits, (batch,) losses and their gradients by the inputs, in one go.

    Where the model has no gradient at all, as behind a rounding, it is zero.
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
    # Unlike a tape, it sees the gradients of fedrobust.network.input_gradient.
    (gradient,) = tf.gradients(values, x, unconnected_gradients=zero)
    return logits, values, gradient


def climb(
    model: BoundModel, x: Tensor, loss: Loss, ball: Ball, step_size: Tensor, steps: int
) -> Tensor:
    """Climb the loss by steps of one length, projected to the ball after each."""

    def step(i: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        _, _, gradient = value_and_gradient(model, x, loss)
        return i + 1, ball.project(x + step_size * ball.steepest(gradient))

    _, x = while_loop(lambda i, x: i < steps, step, (0, x))
    return tf.stop_gradient(x)
