"""Adversarial training with PGD: minimise the loss on the worst inputs found.

    min_w  E max_{|x' - x| <= epsilon} CE(f_w(x'), y)

Madry et al., ICLR 2018, equation 2.1. With a share of the batch left clean it is the
federated mixture of Zizzo, Rawat, Sinn, Buesser: FAT: Federated Adversarial Training,
2020. The attack sees the model in inference mode, as in TRADES; the loss does not.
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
    """What trains on PGD examples has in common: how they are made.

    Parameters
    ----------
    epsilon
        Radius of the L-infinity ball, in input units.
    steps
        Gradient steps a batch, at least 1.
    step_size
        In input units; None means 2.5 epsilon / steps.
    random_start
        Start from a uniform draw in the ball instead of x.
    warmup_rounds
        Epsilon grows linearly and reaches its value in this round; 0 for none.
    """

    # What the attack climbs, by its name in attacks.gradient.
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
        """Draw what the attack starts with beside x."""
        return epsilon * tf.random.stateless_uniform(shape, seed, -1.0, 1.0)

    def attack(
        self, model: BoundModel, x: Tensor, y: Tensor, seed: Tensor, skip: Tensor
    ) -> Tensor:
        """Attack all but the first ``skip`` examples, and give the attacked ones."""
        epsilon = tf.constant(float(self.epsilon), tf.float32)
        step_size = tf.constant(
            self.step_size or 2.5 * float(self.epsilon) / self.steps, tf.float32
        )
        scale = warmup(self.warmup_rounds, model.round)
        epsilon, step_size = scale * epsilon, scale * step_size
        # Drawn for the whole batch, so that a clean share changes no other example.
        noise = self.start_noise(tf.shape(x), seed, epsilon)[skip:]
        x, y = x[skip:], y[skip:]
        ball = Ball(x, epsilon)
        start = ball.project(x + noise) if self.random_start else x
        loss = loss_of(self.attack_loss, model, x, y)
        return climb(model, start, loss, ball, step_size, self.steps)


@dataclass(frozen=True, kw_only=True)
class KLObjective(PGDObjective):
    """The same on the divergence from the answers at x, as TRADES attacks."""

    attack_loss: ClassVar[str] = "kl"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.random_start, "random_start", self.random_start, "true: KL is flat"
        )

    def start_noise(self, shape: Tensor, seed: Tensor, epsilon: Tensor) -> Tensor:
        """Draw a little noise, whatever epsilon is: 0.001 N(0, 1)."""
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

    def perturb(self, model: BoundModel, x: Tensor, y: Tensor, seed: Tensor) -> Tensor:
        """Attack all but the first ``clean_share`` of the batch.

        The others get their turn as batches are shuffled.
        """
        batch = tf.cast(tf.shape(x)[0], tf.float32)
        clean = tf.cast(tf.round(self.clean_share * batch), tf.int32)
        return tf.concat([x[:clean], self.attack(model, x, y, seed, clean)], axis=0)
