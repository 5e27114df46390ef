"""Adversarial training with PGD: minimise the loss on the worst inputs found.

    min_w  E max_{|x' - x| <= epsilon} CE(f_w(x'), y)

Madry, Makelov, Schmidt, Tsipras, Vladu: Towards Deep Learning Models Resistant to
Adversarial Attacks, ICLR 2018, equation 2.1. With a share of each batch left clean, it
is the federated mixture of Zizzo, Rawat, Sinn, Buesser: FAT: Federated Adversarial
Training, 2020. As in TRADES, the attack uses the model in inference mode and the loss
uses it in training mode. Bound: epsilon >= 0; at 0 it is standard training.
"""

from dataclasses import dataclass
from typing import ClassVar

from fedrobust.attacks.ball import Ball
from fedrobust.attacks.gradient import climb, loss_of
from fedrobust.backend import tf
from fedrobust.epsilon import Epsilon, parse_epsilon
from fedrobust.network import BoundModel, Tensor
from fedrobust.training.objective import Objective
from fedrobust.training.warmup import warmup
from strategies.validation import require, require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class PGDObjective(Objective):
    """The base class of objectives that train on PGD examples.

    Parameters
    ----------
    epsilon
        Radius of the L-infinity ball, in input units.
    steps
        Gradient steps per batch, at least 1.
    step_size
        Length of a step in input units, above 0; None means 2.5 epsilon / steps.
    random_start
        Start from a uniform draw in the ball instead of x.
    warmup_rounds
        Round in which the linearly growing epsilon reaches its value; 0 for no warm-up.
    """

    # The loss that the attack maximises, by its name in attacks.gradient.
    attack_loss: ClassVar[str] = "ce"

    epsilon: Epsilon = 0.3
    steps: int = 10
    step_size: float | None = None
    random_start: bool = True
    warmup_rounds: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", parse_epsilon(self.epsilon))
        require_between("steps", self.steps, 1)
        if self.step_size is not None:
            require_positive("step_size", self.step_size)
        require_between("warmup_rounds", self.warmup_rounds, 0)

    def perturb(self, model: BoundModel, x: Tensor, y: Tensor, seed: Tensor) -> Tensor:
        """Attack the batch."""
        return self.attack(model, x, y, seed, 0)

    def start_noise(self, shape: Tensor, seed: Tensor, epsilon: Tensor) -> Tensor:
        """Draw the noise that is added to x at the start of the attack."""
        return epsilon * tf.random.stateless_uniform(shape, seed, -1.0, 1.0)

    def attack(
        self, model: BoundModel, x: Tensor, y: Tensor, seed: Tensor, skip: Tensor
    ) -> Tensor:
        """Return PGD examples for all but the first ``skip`` examples."""
        epsilon = tf.constant(float(self.epsilon), tf.float32)
        step_size = tf.constant(
            self.step_size or 2.5 * float(self.epsilon) / self.steps, tf.float32
        )
        scale = warmup(self.warmup_rounds, model.round)
        epsilon, step_size = scale * epsilon, scale * step_size
        # Drawn for the whole batch, so that the clean share does not change the draws.
        noise = self.start_noise(tf.shape(x), seed, epsilon)[skip:]
        x, y = x[skip:], y[skip:]
        ball = Ball(x, epsilon)
        start = ball.project(x + noise) if self.random_start else x
        loss = loss_of(self.attack_loss, model, x, y)
        return climb(model, start, loss, ball, step_size, self.steps)


@dataclass(frozen=True, kw_only=True)
class KLObjective(PGDObjective):
    """PGD on the KL divergence from the outputs at x, as in TRADES."""

    attack_loss: ClassVar[str] = "kl"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.random_start, "random_start", self.random_start, "true: KL is flat"
        )

    def start_noise(self, shape: Tensor, seed: Tensor, epsilon: Tensor) -> Tensor:
        """Draw a little noise, 0.001 N(0, 1), independent of epsilon."""
        return 0.001 * tf.random.stateless_normal(shape, seed)


@dataclass(frozen=True, kw_only=True)
class PGDTraining(PGDObjective):
    """Train on PGD examples.

    Parameters
    ----------
    clean_share
        Share of each batch that stays clean, in [0, 1].
    """

    clean_share: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.clean_share <= 1, "clean_share", self.clean_share, "in [0,1]")

    @property
    def separate(self) -> bool:
        """False if an example's place in the batch decides whether it stays clean."""
        return self.clean_share in (0, 1)

    def perturb(self, model: BoundModel, x: Tensor, y: Tensor, seed: Tensor) -> Tensor:
        """Attack all but the first ``clean_share`` of the batch.

        Batches are shuffled, so each example is clean in some batches only.
        """
        batch = tf.cast(tf.shape(x)[0], tf.float32)
        clean = tf.cast(tf.round(self.clean_share * batch), tf.int32)
        return tf.concat([x[:clean], self.attack(model, x, y, seed, clean)], axis=0)
