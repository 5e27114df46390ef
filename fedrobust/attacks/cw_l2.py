"""CW-L2: find the nearest adversarial example by minimising distance plus margin.

    min_w  |x' - x|_2^2 + c max(z_y(x') - max_{i != y} z_i(x') + kappa, 0)
    x' = low + (high - low) (tanh(w) + 1) / 2

by Adam from x, with a search for the constant c of each example: c grows tenfold until
the attack succeeds, and is then bisected. Carlini, Wagner: Towards Evaluating the
Robustness of Neural Networks, S&P 2017, Sections V and VI; Kingma, Ba: Adam: A Method
for Stochastic Optimization, ICLR 2015. The paper starts with a low c and doubles it.
The authors' code multiplies it by ten, as this module does, and takes up to 10,000
steps for each constant, ten times the default of this module. A result farther away
than epsilon is moved into the ball, as for every attack.
"""

from dataclasses import dataclass
from typing import ClassVar

from fedrobust.attacks.ball import Ball, choose
from fedrobust.attacks.base import Attack
from fedrobust.attacks.losses import is_fooled, margin
from fedrobust.backend import tf, while_loop
from fedrobust.network import BoundModel, Tensor
from strategies.validation import require_between, require_positive

# This factor keeps atanh finite at the ends of the range.
ALMOST_ONE = 0.999999
BETA_1, BETA_2, TINY = 0.9, 0.999, 1e-8


@dataclass(frozen=True, kw_only=True)
class CWL2(Attack):
    """Minimise distance plus margin.

    Parameters
    ----------
    steps
        Adam steps for each constant, at least 1.
    search_steps
        Number of constants tried, at least 1.
    learning_rate
        Learning rate of Adam, above 0.
    initial_const
        The first constant, above 0.
    confidence
        Margin by which another class must win, at least 0.
    """

    norm: str = "l2"
    steps: int = 1000
    search_steps: int = 9
    learning_rate: float = 0.01
    initial_const: float = 0.001
    confidence: float = 0.0

    norms: ClassVar[tuple[str, ...]] = ("l2",)
    nearest: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("steps", self.steps, 1)
        require_between("search_steps", self.search_steps, 1)
        require_positive("learning_rate", self.learning_rate)
        require_positive("initial_const", self.initial_const)
        require_between("confidence", self.confidence, 0)

    def perturb(
        self,
        model: BoundModel,
        x: Tensor,
        y: Tensor,
        ball: Ball,
        draws: tuple[Tensor, ...],
        attempt: Tensor,
    ) -> Tensor:
        """Search for the constant; return the nearest success, or x if none."""
        zeros = tf.zeros(tf.shape(y))

        def search(
            i: Tensor, const: Tensor, low: Tensor, high: Tensor, best: Tensor,
            distance: Tensor,
        ) -> tuple[Tensor, ...]:  # fmt: skip
            nearest, far = self._descend(model, x, y, ball, const)
            success = tf.math.is_finite(far)
            nearer = far < distance
            best = choose(nearer, nearest, best)
            high = tf.where(success, tf.minimum(high, const), high)
            low = tf.where(success, low, tf.maximum(low, const))
            known = tf.math.is_finite(high)
            const = tf.where(known, (low + high) / 2, const * 10)
            return i + 1, const, low, high, best, tf.minimum(far, distance)

        state = (
            tf.constant(0),
            zeros + self.initial_const,
            zeros,
            zeros + float("inf"),
            x,
            zeros + float("inf"),
        )
        *_, best, _ = while_loop(lambda i, *_: i < self.search_steps, search, state)
        return best

    def _descend(
        self, model: BoundModel, x: Tensor, y: Tensor, ball: Ball, const: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Run Adam; return the nearest success and its distance (infinite if none)."""
        width = ball.high - ball.low
        inner = list(range(1, len(x.shape)))

        def image(w: Tensor) -> Tensor:
            return ball.low + width * (tf.tanh(w) + 1) / 2

        def step(
            i: Tensor, w: Tensor, mean: Tensor, square: Tensor, best: Tensor,
            distance: Tensor,
        ) -> tuple[Tensor, ...]:  # fmt: skip
            with tf.GradientTape() as tape:
                tape.watch(w)
                new = image(w)
                logits = model(new)
                lead = margin(y, logits)
                far = tf.reduce_sum(tf.square(new - x), axis=inner)
                hinge = tf.maximum(self.confidence - lead, 0.0)
                loss = tf.reduce_sum(far + const * hinge)
            gradient = tape.gradient(
                loss, w, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
            gradient = tf.where(tf.math.is_finite(gradient), gradient, 0.0)
            won = is_fooled(y, logits) & ~(lead < self.confidence)
            nearer = won & (tf.sqrt(far) < distance)
            best = choose(nearer, new, best)
            distance = tf.where(nearer, tf.sqrt(far), distance)
            mean = BETA_1 * mean + (1 - BETA_1) * gradient
            square = BETA_2 * square + (1 - BETA_2) * tf.square(gradient)
            t = tf.cast(i + 1, tf.float32)
            unbiased = mean / (1 - BETA_1**t)
            spread = tf.sqrt(square / (1 - BETA_2**t))
            w = w - self.learning_rate * unbiased / (spread + TINY)
            return i + 1, w, mean, square, best, distance

        start = tf.atanh(ALMOST_ONE * (2 * (x - ball.low) / width - 1))
        infinite = tf.fill(tf.shape(y), float("inf"))
        state = (
            tf.constant(0), start, tf.zeros_like(x), tf.zeros_like(x), x, infinite,
        )  # fmt: skip
        *_, best, distance = while_loop(lambda i, *_: i < self.steps, step, state)
        return best, distance
