"""The local trainer: a whole local epoch, hook included, in one compiled graph.

Weights, optimiser state, data and the order of the examples are arguments, so one graph
serves every client and round, and clients may run it on threads at the same time.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.backend import tf, while_loop
from fedrobust.data.rows import Rows
from fedrobust.network import Arrays, BoundModel, Network, Tensor
from fedrobust.randomness import Purpose, generator, stateless_seed
from fedrobust.training.objective import Objective
from fedrobust.training.optimizer import PureOptimizer
from fedrobust.training.schedule import LocalTraining, Schedule

Images = NDArray[np.float32] | Rows


class DivergedError(ArithmeticError):
    """Local training left the finite numbers; the client says so and sends nothing."""


@dataclass(frozen=True)
class Trained:
    """What local training gives: weights by name, mean loss, steps and examples."""

    arrays: Arrays
    loss: float
    steps: int
    num_examples: int


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
    proximal
        mu of FedProx's term mu / 2 |w - w_received|^2.
    corrected
        Whether ``train`` is given a correction to add to every gradient.
    """

    def __init__(
        self,
        network: Network,
        objective: Objective,
        optimizer: Any,
        *,
        proximal: float = 0.0,
        corrected: bool = False,
    ) -> None:
        self.network = network
        self.objective = objective
        # Few objectives replay batches; the others need not say so.
        self._replays: int = getattr(objective, "replays", 1)
        self._proximal = proximal
        self._corrected = corrected
        self._optimizer = PureOptimizer(optimizer, network.model.trainable_variables)
        self._run, self._run_together = self._compile()

    def trace(self) -> None:
        """Trace the graph now, so that a mistake in the hook shows before round 1.

        A model without a graph is called once, so that its own mistakes show.
        """
        if self.network.has_graph:
            _ = self._run.trace
        else:
            model = self.network.model
            model(np.zeros((1, *model.input_shape[1:]), np.float32))

    def train(
        self,
        arrays: Arrays,
        x: Images,
        y: NDArray[np.int32],
        local: LocalTraining,
        *,
        seed: int,
        round: int,
        client: int,
        state: Sequence[NDArray[Any]] | None = None,
        correction: Arrays | None = None,
    ) -> tuple[Trained, list[NDArray[Any]]]:
        """Train for one round.

        Parameters
        ----------
        arrays
            Weights to start from, by name; they are not modified.
        x, y
            (n, ...) images, or the rows that they are, and (n,) labels.
        local
            How long.
        seed, round, client
            Key of the batches, of dropout and of the objective's draws.
        state
            State of the optimiser to go on with; None means a fresh one.
        correction
            What is added to every gradient, by name of the weight; None adds nothing.

        Returns
        -------
        The trained weights, and the state of the optimiser after.

        Raises
        ------
        DivergedError
            When the loss or a weight is not finite.
        """
        schedule = self._schedule(local, len(x), seed, round, client)
        x_seen, y_seen, order = schedule.seen(x, y)
        trainable, fixed = self._split(arrays, seed, round, client)
        added: list[Any] = []
        if self._corrected:
            names = self.network.trainable
            added = [
                np.zeros_like(arrays[n]) if correction is None else correction[n]
                for n in names
            ]
        out_trainable, out_fixed, out_state, loss = self._run(
            trainable,
            fixed,
            self._optimizer.initial_state if state is None else list(state),
            added,
            x_seen,
            y_seen,
            self._class_counts(y),
            order,
            schedule.bounds,
            stateless_seed(seed, Purpose.OBJECTIVE, round, client),
            np.int32(round),
        )
        trained = self.network.join(out_trainable, out_fixed)
        result = self._trained(trained, float(loss), schedule, len(x), round)
        return result, [np.asarray(v) for v in out_state]

    def train_together(
        self,
        arrays: Arrays,
        data: Mapping[int, tuple[Images, NDArray[np.int32]]],
        local: LocalTraining,
        *,
        seed: int,
        round: int,
    ) -> dict[int, Trained | DivergedError]:
        """Train several clients for one round, in one program.

        It is what ``train`` does for each of them, up to the order of sums.

        Parameters
        ----------
        arrays, local, seed, round
            As for ``train``.
        data
            Images and labels by client, as for ``train``, equally many for all.

        Returns
        -------
        What ``train`` gives or raises, by client.

        Raises
        ------
        ValueError
            When clients hold different numbers of images, or the trainer is one that
            needs a correction.
        """
        (size, *others) = {len(x) for x, _ in data.values()}
        if others or self._corrected:
            raise ValueError("only equally many images without correction go together")
        schedules = [self._schedule(local, size, seed, round, c) for c in data]
        splits = [self._split(arrays, seed, round, c) for c in data]
        seen = [
            schedule.seen(x, y)
            for schedule, (x, y) in zip(schedules, data.values(), strict=True)
        ]
        x_seen, y_seen, orders = (np.stack(kind) for kind in zip(*seen, strict=True))
        out_trainable, out_fixed, loss = self._run_together(
            splits[0][0],
            [np.stack(values) for values in zip(*(f for _, f in splits), strict=True)],
            self._optimizer.initial_state,
            x_seen,
            y_seen,
            np.stack([self._class_counts(y) for _, y in data.values()]),
            orders,
            schedules[0].bounds,
            np.stack([stateless_seed(seed, Purpose.OBJECTIVE, round, c) for c in data]),
            np.int32(round),
        )
        stacked, losses = self.network.join(out_trainable, out_fixed), np.asarray(loss)
        found: dict[int, Trained | DivergedError] = {}
        for row, client in enumerate(data):
            own = {name: values[row] for name, values in stacked.items()}
            try:
                found[client] = self._trained(
                    own, float(losses[row]), schedules[row], size, round
                )
            except DivergedError as error:
                found[client] = error
        return found

    def _schedule(
        self, local: LocalTraining, size: int, seed: int, round: int, client: int
    ) -> Schedule:
        rng = generator(seed, Purpose.BATCHES, round, client)
        return Schedule.draw(local, size, rng, round)

    def _class_counts(self, y: NDArray[np.int32]) -> NDArray[np.float32]:
        classes = self.network.num_classes
        return np.bincount(y, minlength=classes)[:classes].astype(np.float32)

    def _split(
        self, arrays: Arrays, seed: int, round: int, client: int
    ) -> tuple[list[Any], list[Any]]:
        dropout = abs(stateless_seed(seed, Purpose.DROPOUT, round, client) // 2)
        return self.network.split(arrays, dropout)

    def _trained(
        self, arrays: Arrays, loss: float, schedule: Schedule, size: int, round: int
    ) -> Trained:
        """Check what came out; ``loss`` is the sum over the steps."""
        finite = (np.isfinite(values).all() for values in arrays.values())
        if not (math.isfinite(loss) and all(finite)):
            raise DivergedError(
                f"local training diverged in round {round} (loss {loss}): "
                "lower the learning rate"
            )
        steps = (len(schedule.bounds) - 1) * self._replays
        return Trained(arrays, loss / steps, steps, size)

    def _compile(self) -> tuple[Any, Any]:
        network, objective, optimizer = self.network, self.objective, self._optimizer
        replays, proximal = self._replays, self._proximal
        advance: Any = getattr(objective, "advance", None)

        def run(
            trainable: list[Tensor],
            fixed: list[Tensor],
            state: list[Tensor],
            correction: list[Tensor],
            x: Tensor,
            y: Tensor,
            counts: Tensor,
            order: Tensor,
            bounds: Tensor,
            seed: Tensor,
            round: Tensor,
        ) -> tuple[list[Tensor], list[Tensor], list[Tensor], Tensor]:
            """Loop over the batches of the schedule, each as often as replayed."""
            steps = replays * (tf.shape(bounds)[0] - 1)
            received = BoundModel(network, trainable, fixed, round)

            def body(i: Tensor, *carried: Any) -> tuple[Any, ...]:
                """Perturb one batch and take one optimiser step on it."""
                weights, fixed, state, delta, total = carried
                batch = i // replays
                rows = order[bounds[batch] : bounds[batch + 1]]
                x_batch, y_batch = tf.gather(x, rows), tf.gather(y, rows)
                size = tf.shape(rows)[0]

                def bound(fixed: list[Tensor]) -> BoundModel:
                    return BoundModel(
                        network,
                        weights,
                        fixed,
                        round,
                        class_counts=counts,
                        received=received,
                        delta=delta[:size] if advance else None,
                    )

                key = tf.random.experimental.stateless_fold_in(seed, i)
                x_adv = objective.perturb(bound(fixed), x_batch, y_batch, key)
                x_adv = tf.ensure_shape(tf.stop_gradient(x_adv), x_batch.shape)
                model = bound(fixed)
                with tf.GradientTape() as tape:
                    tape.watch([*weights, x_adv] if advance else weights)
                    losses = objective.loss(model, x_batch, x_adv, y_batch)
                    loss = tf.reduce_mean(losses)
                if advance:
                    gradients, upwards = tape.gradient(loss, (weights, x_adv))
                    moved = advance(delta[:size], upwards, round)
                    delta = tf.concat([moved, delta[size:]], axis=0)
                else:
                    gradients = tape.gradient(loss, weights)
                if proximal:
                    pairs = zip(weights, trainable, strict=True)
                    pull = [proximal * (w - w_received) for w, w_received in pairs]
                    gradients = _added(gradients, pull)
                if correction:
                    gradients = _added(gradients, correction)
                weights, state = optimizer(state, gradients, weights)
                return i + 1, weights, model.fixed, state, delta, total + loss

            largest = tf.reduce_max(bounds[1:] - bounds[:-1])
            shape = tf.concat([largest[None], tf.shape(x)[1:]], axis=0)
            delta = tf.zeros(shape if advance else [0])
            carried = (0, list(trainable), list(fixed), list(state), delta, 0.0)
            _, trained, fixed, state, _, total = while_loop(
                lambda i, *_: i < steps, body, carried
            )
            return trained, fixed, state, total

        def together(
            trainable: list[Tensor],
            fixed: list[Tensor],
            state: list[Tensor],
            x: Tensor,
            y: Tensor,
            counts: Tensor,
            order: Tensor,
            bounds: Tensor,
            seed: Tensor,
            round: Tensor,
        ) -> tuple[list[Tensor], list[Tensor], Tensor]:
            """Do the same for clients along the first axis of what is theirs."""

            def one(own: tuple[Any, ...]) -> tuple[Any, ...]:
                fixed, x, y, counts, order, seed = own
                trained, fixed, _, total = run(
                    *(trainable, fixed, state, []),
                    *(x, y, counts, order, bounds, seed, round),
                )
                return trained, fixed, total

            own = (fixed, x, y, counts, order, seed)
            found: tuple[Any, ...] = tf.vectorized_map(one, own)
            return found

        def specs(values: Sequence[Any], *clients: None) -> list[Any]:
            return [tf.TensorSpec((*clients, *v.shape), v.dtype) for v in values]

        weights = specs(network.model.trainable_variables)
        fixed = network.model.non_trainable_variables
        state = specs(optimizer.initial_state)
        image, numbers = network.model.input_shape[1:], tf.TensorSpec((None,), tf.int32)
        round_number = tf.TensorSpec((), tf.int32)
        alone = network.graph(
            run,
            signature=[
                weights,
                specs(fixed),
                state,
                weights if self._corrected else [],
                tf.TensorSpec((None, *image), tf.float32),
                numbers,
                tf.TensorSpec((network.num_classes,), tf.float32),
                numbers,
                numbers,
                tf.TensorSpec((2,), tf.int32),
                round_number,
            ],
        )
        stacked = tf.TensorSpec((None, None), tf.int32)
        cohort = network.graph(
            together,
            signature=[
                weights,
                specs(fixed, None),
                state,
                tf.TensorSpec((None, None, *image), tf.float32),
                stacked,
                tf.TensorSpec((None, network.num_classes), tf.float32),
                stacked,
                numbers,
                tf.TensorSpec((None, 2), tf.int32),
                round_number,
            ],
        )
        return alone, cohort


def _added(gradients: list[Tensor], terms: list[Tensor]) -> list[Tensor]:
    """Add to each gradient; what the loss does not depend on has none, and keeps it."""
    pairs = zip(gradients, terms, strict=True)
    return [g if g is None else g + term for g, term in pairs]
