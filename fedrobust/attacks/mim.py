"""MIM: iterative FGSM along a running sum of gradients.

    g_t+1 = mu g_t + grad / |grad|_1,   x_t+1 = clip(x_t + a sign(g_t+1))

Dong, Liao, Pang, Su, Zhu, Hu, Li: Boosting Adversarial Attacks with Momentum, CVPR
2018, Algorithm 1; under l2 the step is a g / |g|_2. Foolbox sums the signs of the
gradients instead of the normalised gradients.
"""

from dataclasses import dataclass

from fedrobust.attacks.ball import Ball
from fedrobust.attacks.base import Attack, check_step_size
from fedrobust.attacks.gradient import loss_of, value_and_gradient
from fedrobust.backend import tf, while_loop
from fedrobust.network import BoundModel, Tensor
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class MIM(Attack):
    """Take small gradient steps with momentum from x.

    Parameters
    ----------
    steps
        Gradient steps, at least 1.
    step_size
        Length of a step in input units, above 0; None means epsilon / steps, as in the
        paper.
    decay
        Factor mu of the running sum, at least 0; at 0 it is BIM.
    """

    steps: int = 10
    step_size: float | None = None
    decay: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("steps", self.steps, 1)
        require_between("decay", self.decay, 0)
        check_step_size(self.step_size, self.steps, self.epsilon)

    def perturb(
        self,
        model: BoundModel,
        x: Tensor,
        y: Tensor,
        ball: Ball,
        draws: tuple[Tensor, ...],
        attempt: Tensor,
    ) -> Tensor:
        """Take steps along the running sum."""
        step_size = self.step_size or ball.epsilon / self.steps
        loss = loss_of("ce", model, x, y)
        inner = list(range(1, len(x.shape)))

        def step(i: Tensor, x: Tensor, sum: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            _, _, gradient = value_and_gradient(model, x, loss)
            gradient = tf.where(tf.math.is_finite(gradient), gradient, 0.0)
            size = tf.reduce_sum(tf.abs(gradient), axis=inner, keepdims=True)
            sum = self.decay * sum + tf.math.divide_no_nan(gradient, size)
            return i + 1, ball.project(x + step_size * ball.steepest(sum)), sum

        start = (0, x, tf.zeros_like(x))
        _, x, _ = while_loop(lambda i, *_: i < self.steps, step, start)
        return x
