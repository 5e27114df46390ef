"""A local epoch as one graph: a loop over batches around the hook and the optimiser.

Whatever differs between clients and rounds is an argument, so that one graph serves
them all. Clients that train together are the same graph, vectorised over their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fedrobust.backend import tf, while_loop
from fedrobust.network import BoundModel, Network, Tensor
from fedrobust.network.graphs import step_by_step
from fedrobust.training.objective import Objective, Replaying
from fedrobust.training.optimizer import PureOptimizer


class Own(NamedTuple):
    """What is a client's own; in a cohort each has the clients as its first axis.

    Attributes
    ----------
    fixed
        The variables of the model that are not trained, in its order.
    x, y
        (n, ...) images and (n,) labels.
    class_counts
        (classes,) how often the client has each label.
    order
        (m,) rows, one batch after the other.
    seed
        (2,) key of the objective's draws.
    """

    fixed: list[Any]
    x: Any
    y: Any
    class_counts: Any
    order: Any
    seed: Any


@dataclass(frozen=True)
class Epoch:
    """How a client steps through its batches.

    Parameters
    ----------
    network, objective, optimizer
        What is trained, with which hook, by which steps.
    proximal
        mu of FedProx's term mu / 2 |w - w_received|^2.
    """

    network: Network
    objective: Objective
    optimizer: PureOptimizer
    proximal: float = 0.0

    @property
    def replays(self) -> int:
        """Steps on each batch."""
        return self.objective.replays if isinstance(self.objective, Replaying) else 1

    def alone(
        self,
        trainable: list[Tensor],
        state: list[Tensor],
        correction: list[Tensor],
        own: Own,
        bounds: Tensor,
        round: Tensor,
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], Tensor]:
        """Train one client.

        Parameters
        ----------
        trainable, state
            Weights and state of the optimiser to start from.
        correction
            What is added to the gradient of each weight; an empty list adds nothing.
        own
            What is the client's own.
        bounds
            (steps + 1,) where each batch starts in ``own.order``, and the end.
        round
            The round, from 1.

        Returns
        -------
        trainable, fixed, state, total
            What came of them, and the sum of the losses.
        """
        network, objective, replays = self.network, self.objective, self.replays
        advance = objective.advance if isinstance(objective, Replaying) else None
        scale = self.optimizer.loss_scale
        steps = replays * (tf.shape(bounds)[0] - 1)
        received = BoundModel(network, trainable, own.fixed, round)

        def step(i: Tensor, *carried: Any) -> tuple[Any, ...]:
            """Perturb one batch and take one optimiser step on it."""
            weights, fixed, state, delta, total = carried
            batch = i // replays
            rows = own.order[bounds[batch] : bounds[batch + 1]]
            x, y = tf.gather(own.x, rows), tf.gather(own.y, rows)
            size = tf.shape(rows)[0]

            def bound() -> BoundModel:
                return BoundModel(
                    network,
                    weights,
                    fixed,
                    round,
                    class_counts=own.class_counts,
                    received=received,
                    delta=delta[:size] if advance else None,
                )

            key = tf.random.experimental.stateless_fold_in(own.seed, i)
            x_adv = objective.perturb(bound(), x, y, key)
            x_adv = tf.ensure_shape(tf.stop_gradient(x_adv), x.shape)
            model = bound()
            with tf.GradientTape() as tape:
                tape.watch([*weights, x_adv] if advance else weights)
                losses = objective.loss(model, x, x_adv, y)
                loss = tf.add_n([tf.reduce_mean(losses), *model.losses])
                scaled = loss if scale is None else scale * loss
            if advance:
                gradients, upwards = tape.gradient(scaled, (weights, x_adv))
                upwards = upwards if scale is None else upwards / scale
                moved = advance(delta[:size], upwards, round)
                delta = tf.concat([moved, delta[size:]], axis=0)
            else:
                gradients = tape.gradient(scaled, weights)
            if scale is not None:
                gradients = [g if g is None else g / scale for g in gradients]
            if self.proximal:
                pairs = zip(weights, trainable, strict=True)
                pull = [self.proximal * (w - w_received) for w, w_received in pairs]
                gradients = _added(gradients, pull)
            if correction:
                gradients = _added(gradients, correction)
            weights, state = self.optimizer(state, gradients, weights)
            return i + 1, weights, model.fixed, state, delta, total + loss

        largest = tf.reduce_max(bounds[1:] - bounds[:-1])
        shape = tf.concat([largest[None], tf.shape(own.x)[1:]], axis=0)
        delta = tf.zeros(shape if advance else [0])
        carried = (0, list(trainable), list(own.fixed), list(state), delta, 0.0)
        _, trained, fixed, state, _, total = while_loop(
            lambda i, *_: i < steps, step, carried
        )
        return trained, fixed, state, total

    def together(
        self,
        trainable: list[Tensor],
        state: list[Tensor],
        own: Own,
        bounds: Tensor,
        round: Tensor,
    ) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Train clients from the same weights, each as ``alone`` does.

        Returns
        -------
        trainable, fixed, total
            Of each client, along a first axis.
        """

        def one(own: Own) -> tuple[Any, ...]:
            trained, fixed, _, total = self.alone(
                trainable, state, [], own, bounds, round
            )
            return trained, fixed, total

        found: tuple[Any, ...] = tf.vectorized_map(one, own)
        return found

    def compiled_alone(self, corrected: bool) -> Any:
        """Make the graph of ``alone``, with or without a correction."""
        return self.network.graph(self.alone, self._signature(corrected))

    def stepped_alone(self, corrected: bool) -> Any:
        """Make what does the same step by step, for hooks that have no graph."""
        return step_by_step(self.alone, self._signature(corrected))

    def _signature(self, corrected: bool) -> tuple[Any, ...]:
        weights, state, schedule = self._shared()
        correction = weights if corrected else []
        return weights, state, correction, self._own(), *schedule

    def compiled_together(self) -> Any:
        """Make the graph of ``together``."""
        weights, state, schedule = self._shared()
        return self.network.graph(
            self.together, (weights, state, self._own(None), *schedule)
        )

    def _shared(self) -> tuple[list[Any], list[Any], list[Any]]:
        """Specify weights, state, and bounds and round."""
        integers = [tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32)]
        weights = self.network.model.trainable_variables
        return _specs(weights), _specs(self.optimizer.initial_state), integers

    def _own(self, *clients: None) -> Own:
        """Specify what is a client's own, behind an axis of clients if there is one."""
        model, images = self.network.model, (*clients, None)
        return Own(
            fixed=_specs(model.non_trainable_variables, *clients),
            x=tf.TensorSpec((*images, *model.input_shape[1:]), tf.float32),
            y=tf.TensorSpec(images, tf.int32),
            class_counts=tf.TensorSpec(
                (*clients, self.network.num_classes), tf.float32
            ),
            order=tf.TensorSpec(images, tf.int32),
            seed=tf.TensorSpec((*clients, 2), tf.int32),
        )


def _specs(values: Sequence[Any], *clients: None) -> list[Any]:
    return [tf.TensorSpec((*clients, *v.shape), v.dtype) for v in values]


def _added(gradients: list[Tensor], terms: list[Tensor]) -> list[Tensor]:
    """Add to each gradient; what the loss does not depend on has none, and keeps it."""
    pairs = zip(gradients, terms, strict=True)
    return [g if g is None else g + term for g, term in pairs]
