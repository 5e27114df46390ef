"""Local training as one graph: a loop over batches with the hook and the optimiser.

Everything that differs between clients and rounds is an argument, so one graph serves
all of them. The graph for clients that train together is the same one, vectorised over
the inputs of the clients.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fedrobust.backend import tf, while_loop
from fedrobust.network import BoundModel, Network, Tensor
from fedrobust.network.graphs import step_by_step
from fedrobust.training.objective import Objective, Replaying
from fedrobust.training.optimizer import PureOptimizer


class ClientInputs(NamedTuple):
    """The inputs of one client; for a cohort, each array has a first axis of clients.

    Attributes
    ----------
    fixed
        The model's non-trainable variables, in the model's order.
    x, y
        (n, ...) images and (n,) labels.
    class_counts
        (classes,) number of the client's examples with each label.
    order
        (m,) row numbers, one batch after the other.
    seed
        (2,) key of the objective's draws.
    private
        What a private step takes in addition; empty for others.
    """

    fixed: list[Any]
    x: Any
    y: Any
    class_counts: Any
    order: Any
    seed: Any
    private: Any = ()


@dataclass(frozen=True)
class Epoch:
    """The training loop of a client.

    Parameters
    ----------
    network, objective, optimizer
        The model, the training hook and the optimiser.
    proximal
        mu of FedProx's term mu / 2 |w - w_received|^2; 0 for none.
    """

    network: Network
    objective: Objective
    optimizer: PureOptimizer
    proximal: float = 0.0

    @property
    def replays(self) -> int:
        """Number of steps on each batch; 1 unless the objective is ``Replaying``."""
        return self.objective.replays if isinstance(self.objective, Replaying) else 1

    def alone(
        self,
        trainable: list[Tensor],
        state: list[Tensor],
        correction: list[Tensor],
        inputs: ClientInputs,
        bounds: Tensor,
        round: Tensor,
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], Tensor]:
        """Train one client.

        Parameters
        ----------
        trainable, state
            Weights and optimiser state to start from.
        correction
            Terms added to the gradients of the weights; an empty list adds nothing.
        inputs
            The inputs of this client.
        bounds
            (batches + 1,) start of each batch in ``inputs.order``, and their end.
        round
            Number of the round, starting at 1.

        Returns
        -------
        trainable, fixed, state
            Trained weights, non-trainable variables and optimiser state.
        total
            Sum of the losses over all steps.
        """
        network, objective, replays = self.network, self.objective, self.replays
        advance = objective.advance if isinstance(objective, Replaying) else None
        scale = self.optimizer.loss_scale
        steps = replays * (tf.shape(bounds)[0] - 1)
        received = BoundModel(network, trainable, inputs.fixed, round)

        def step(i: Tensor, *carried: Any) -> tuple[Any, ...]:
            """Perturb one batch and take one optimiser step on it."""
            weights, fixed, state, delta, total = carried
            batch = i // replays
            rows = inputs.order[bounds[batch] : bounds[batch + 1]]
            x, y = tf.gather(inputs.x, rows), tf.gather(inputs.y, rows)
            size = tf.shape(rows)[0]

            def bound() -> BoundModel:
                return BoundModel(
                    network,
                    weights,
                    fixed,
                    round,
                    class_counts=inputs.class_counts,
                    received=received,
                    delta=delta[:size] if advance else None,
                )

            # The key depends on the step alone, so any draw can be repeated.
            key = tf.random.experimental.stateless_fold_in(inputs.seed, i)
            x_adv = objective.perturb(bound(), x, y, key)
            x_adv = tf.ensure_shape(tf.stop_gradient(x_adv), x.shape)
            # A second model, so that statistics moved by ``perturb`` are discarded.
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
            gradients = self._with_terms(gradients, weights, trainable, correction)
            weights, state = self.optimizer(state, gradients, weights)
            return i + 1, weights, model.fixed, state, delta, total + loss

        # Free training carries one perturbation per batch position from step to step. A
        # smaller last batch uses and updates only the first ones.
        largest = tf.reduce_max(bounds[1:] - bounds[:-1])
        shape = tf.concat([largest[None], tf.shape(inputs.x)[1:]], axis=0)
        delta = tf.zeros(shape if advance else [0])
        carried = (0, list(trainable), list(inputs.fixed), list(state), delta, 0.0)
        _, trained, fixed, state, _, total = while_loop(
            lambda i, *_: i < steps, step, carried
        )
        return trained, fixed, state, total

    def _with_terms(
        self,
        gradients: list[Tensor],
        weights: list[Tensor],
        received: list[Tensor],
        correction: list[Tensor],
    ) -> list[Tensor]:
        """Return unscaled gradients plus FedProx's pull and the correction."""
        scale = self.optimizer.loss_scale
        if scale is not None:
            gradients = [g if g is None else g / scale for g in gradients]
        if self.proximal:
            pairs = zip(weights, received, strict=True)
            pull = [self.proximal * (w - w_received) for w, w_received in pairs]
            gradients = _added(gradients, pull)
        return _added(gradients, correction) if correction else gradients

    def together(
        self,
        trainable: list[Tensor],
        state: list[Tensor],
        inputs: ClientInputs,
        bounds: Tensor,
        round: Tensor,
    ) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Train several clients from the same weights, each as ``alone`` does.

        Parameters
        ----------
        inputs
            Inputs of the clients, stacked along a first axis.
        trainable, state, bounds, round
            As for ``alone``, and the same for all clients.

        Returns
        -------
        trainable, fixed, total
            As from ``alone``, with a first axis of clients.
        """

        def one(inputs: ClientInputs) -> tuple[Any, ...]:
            trained, fixed, _, total = self.alone(
                trainable, state, [], inputs, bounds, round
            )
            return trained, fixed, total

        outputs: tuple[Any, ...] = tf.vectorized_map(one, inputs)
        return outputs

    def compiled_alone(self, corrected: bool) -> Any:
        """Return the compiled graph of ``alone``, with or without a correction."""
        return self.network.graph(self.alone, self._signature(corrected))

    def stepped_alone(self, corrected: bool) -> Any:
        """Return ``alone`` to be run eagerly, for hooks that cannot be compiled."""
        return step_by_step(self.alone, self._signature(corrected))

    def _signature(self, corrected: bool) -> tuple[Any, ...]:
        weights, state, schedule = self._shared()
        correction = weights if corrected else []
        return weights, state, correction, self._inputs(), *schedule

    def compiled_together(self) -> Any:
        """Return the compiled graph of ``together``."""
        weights, state, schedule = self._shared()
        return self.network.graph(
            self.together, (weights, state, self._inputs(None), *schedule)
        )

    def _shared(self) -> tuple[list[Any], list[Any], list[Any]]:
        """Return the signatures of the weights, the state, and bounds with round."""
        integers = [tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32)]
        weights = self.network.model.trainable_variables
        return _specs(weights), _specs(self.optimizer.initial_state), integers

    def _inputs(self, *clients: None) -> ClientInputs:
        """Return the signature of a client's inputs, or of a cohort's for ``None``."""
        model, images = self.network.model, (*clients, None)
        return ClientInputs(
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
    """Return gradients plus terms; variables without a gradient keep None."""
    pairs = zip(gradients, terms, strict=True)
    return [g if g is None else g + term for g, term in pairs]
