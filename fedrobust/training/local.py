"""The local trainer: a whole local epoch, hook included, in one compiled graph.

Weights, optimiser state, data and the order of the examples are arguments, so one graph
serves every client and round, and clients may run it on threads at the same time.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.backend import tf
from fedrobust.network import Arrays, BoundModel, Network, Tensor
from fedrobust.randomness import Purpose, generator, stateless_seed
from fedrobust.training.objective import Objective
from fedrobust.training.optimizer import PureOptimizer
from strategies.parameters import require, require_between


class DivergedError(ArithmeticError):
    """Local training left the finite numbers; the client says so and sends nothing."""


@dataclass(frozen=True, kw_only=True)
class LocalTraining:
    """How long a client trains in a round, and what it remembers.

    Parameters
    ----------
    local_epochs
        Passes over the client's images; without effect when ``local_steps`` is given.
    local_steps
        Batches; passes are repeated, each shuffled anew, until there are so many.
    batch_size
        Images a batch; the last batch of a pass may be smaller.
    momentum
        Worker momentum beta in [0, 1): the client sends m = beta m + update, and keeps
        m across rounds (Karimireddy, He, Jaggi, ICML 2021, Algorithm 2).
    dampening
        Send m = beta m + (1 - beta) update instead, as ByzFL does.
    """

    local_epochs: int = 1
    local_steps: int | None = None
    batch_size: int = 32
    momentum: float = 0.0
    dampening: bool = False

    def __post_init__(self) -> None:
        require_between("local_epochs", self.local_epochs, 1)
        if self.local_steps is not None:
            require_between("local_steps", self.local_steps, 1)
        require_between("batch_size", self.batch_size, 1)
        require(0 <= self.momentum < 1, "momentum", self.momentum, "in [0, 1)")


@dataclass(frozen=True)
class Schedule:
    """Which examples make each batch.

    Attributes
    ----------
    order
        (m,) row numbers, one batch after the other.
    bounds
        (steps + 1,) where each batch starts in ``order``, and the end.
    """

    order: NDArray[np.int32]
    bounds: NDArray[np.int32]

    @classmethod
    def draw(
        cls, local: LocalTraining, num_examples: int, rng: np.random.Generator
    ) -> "Schedule":
        """Shuffle passes over ``num_examples`` rows and cut them into batches."""
        require_between("num_examples", num_examples, 1)
        per_pass = math.ceil(num_examples / local.batch_size)
        if local.local_steps is None:
            passes, steps = local.local_epochs, None
        else:
            passes, steps = math.ceil(local.local_steps / per_pass), local.local_steps
        order = [rng.permutation(num_examples) for _ in range(passes)]
        ends = [
            p * num_examples + min(num_examples, (b + 1) * local.batch_size)
            for p in range(passes)
            for b in range(per_pass)
        ][:steps]
        return cls(
            np.concatenate(order).astype(np.int32), np.array([0, *ends], np.int32)
        )


@dataclass(frozen=True)
class Trained:
    """What local training gives: weights by name, mean loss and number of steps."""

    arrays: Arrays
    loss: float
    steps: int


class Trainer:
    """Trains a network with an objective and a Keras optimiser.

    Parameters
    ----------
    network
        What to train.
    objective
        The hook.
    optimizer
        A fresh ``keras.optimizers.Optimizer``; its state starts anew each round.
    """

    def __init__(self, network: Network, objective: Objective, optimizer: Any) -> None:
        self.network = network
        self.objective = objective
        self._optimizer = PureOptimizer(optimizer, network.model.trainable_variables)
        self._run = self._compile()

    def trace(self) -> None:
        """Trace the graph now, so that a mistake in the hook shows before round 1."""
        self._run.get_concrete_function()

    def train(
        self,
        arrays: Arrays,
        x: NDArray[np.float32],
        y: NDArray[np.int32],
        local: LocalTraining,
        *,
        seed: int,
        round: int,
        client: int,
        state: Sequence[NDArray[Any]] | None = None,
    ) -> tuple[Trained, list[NDArray[Any]]]:
        """Train for one round.

        Parameters
        ----------
        arrays
            Weights to start from, by name; they are not modified.
        x, y
            (n, ...) images and (n,) labels.
        local
            How long.
        seed, round, client
            Key of the batches, of dropout and of the objective's draws.
        state
            State of the optimiser to go on with; None means a fresh one.

        Returns
        -------
        The trained weights, and the state of the optimiser after.

        Raises
        ------
        DivergedError
            When the loss or a weight is not finite.
        """
        rng = generator(seed, Purpose.BATCHES, round, client)
        schedule = Schedule.draw(local, len(x), rng)
        trainable, fixed = self.network.split(
            arrays, abs(stateless_seed(seed, Purpose.DROPOUT, round, client) // 2)
        )
        out_trainable, out_fixed, out_state, loss = self._run(
            trainable,
            fixed,
            self._optimizer.initial_state if state is None else list(state),
            x,
            y,
            schedule.order,
            schedule.bounds,
            stateless_seed(seed, Purpose.OBJECTIVE, round, client),
            np.int32(round),
        )
        trained = self.network.join(out_trainable, out_fixed)
        if not (
            math.isfinite(float(loss))
            and all(np.isfinite(a).all() for a in trained.values())
        ):
            raise DivergedError(
                f"local training diverged in round {round} (loss {float(loss)}): "
                "lower the learning rate"
            )
        steps = len(schedule.bounds) - 1
        result = Trained(trained, float(loss) / steps, steps)
        return result, [np.asarray(v) for v in out_state]

    def _compile(self) -> Any:
        network, objective, optimizer = self.network, self.objective, self._optimizer

        def step(
            trainable: list[Tensor],
            fixed: list[Tensor],
            state: list[Tensor],
            x: Tensor,
            y: Tensor,
            seed: Tensor,
            round: Tensor,
        ) -> tuple[list[Tensor], list[Tensor], list[Tensor], Tensor]:
            """Perturb one batch and take one optimiser step on it."""
            attacked = BoundModel(network, trainable, fixed, round)
            x_adv = tf.stop_gradient(objective.perturb(attacked, x, y, seed))
            x_adv = tf.ensure_shape(x_adv, x.shape)
            model = BoundModel(network, trainable, fixed, round)
            with tf.GradientTape() as tape:
                tape.watch(trainable)
                loss = tf.reduce_mean(objective.loss(model, x, x_adv, y))
            gradients = tape.gradient(loss, trainable)
            trainable, state = optimizer(state, gradients, trainable)
            return trainable, model.fixed, state, loss

        def run(
            trainable: list[Tensor],
            fixed: list[Tensor],
            state: list[Tensor],
            x: Tensor,
            y: Tensor,
            order: Tensor,
            bounds: Tensor,
            seed: Tensor,
            round: Tensor,
        ) -> tuple[list[Tensor], list[Tensor], list[Tensor], Tensor]:
            """Loop over the batches of the schedule."""
            steps = tf.shape(bounds)[0] - 1

            def body(i: Tensor, *carried: Any) -> tuple[Any, ...]:
                trainable, fixed, state, total = carried
                rows = order[bounds[i] : bounds[i + 1]]
                key = tf.random.experimental.stateless_fold_in(seed, i)
                trainable, fixed, state, loss = step(
                    trainable,
                    fixed,
                    state,
                    tf.gather(x, rows),
                    tf.gather(y, rows),
                    key,
                    round,
                )
                return i + 1, trainable, fixed, state, total + loss

            carried = (0, list(trainable), list(fixed), list(state), 0.0)
            _, trainable, fixed, state, total = tf.while_loop(
                lambda i, *_: i < steps, body, carried
            )
            return trainable, fixed, state, total

        def specs(values: Sequence[Any]) -> list[Any]:
            return [tf.TensorSpec(v.shape, v.dtype) for v in values]

        return tf.function(
            run,
            autograph=False,
            input_signature=[
                specs(network.model.trainable_variables),
                specs(network.model.non_trainable_variables),
                specs(optimizer.initial_state),
                tf.TensorSpec((None, *network.model.input_shape[1:]), tf.float32),
                tf.TensorSpec((None,), tf.int32),
                tf.TensorSpec((None,), tf.int32),
                tf.TensorSpec((None,), tf.int32),
                tf.TensorSpec((2,), tf.int32),
                tf.TensorSpec((), tf.int32),
            ],
        )
