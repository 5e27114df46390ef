"""Local training with DP-SGD as one graph: example-level differential privacy.

    each step:   S = examples taken independently with probability q
                 g = (sum over S of min(1, C / |g_i|) g_i + N(0, (z C)^2)) / (q n)

Abadi, Chu, Goodfellow, McMahan, Mironov, Talwar, Zhang: Deep Learning with Differential
Privacy, CCS 2016, Algorithm 1, with the expected number of examples q n in place of the
lot size. g_i is the gradient of one example's loss by all weights at once, at the input
that the objective's attack found for it. Terms that do not depend on the examples, such
as regularisers and FedProx's pull, are added after the noise.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from fedrobust.backend import tf, while_loop
from fedrobust.network import BoundModel, Tensor
from fedrobust.network.per_example import clipped_sum
from fedrobust.training.epoch import ClientInputs, Epoch
from fedrobust.training.poisson import NOBODY


class PrivateInputs(NamedTuple):
    """What the private step takes in addition to ``ClientInputs``.

    Attributes
    ----------
    clip
        C, the largest norm of one example's gradient.
    noise_multiplier
        z, the standard deviation of the noise over C.
    expected
        q n, the expected number of examples of a step.
    key
        (2,) key of the noise.
    """

    clip: Any
    noise_multiplier: Any
    expected: Any
    key: Any


class PrivateEpoch(Epoch):
    """The training loop of a client with DP-SGD.

    ``alone`` takes the physical batches of a ``PoissonSchedule`` as ``inputs.order``
    and ``bounds``. Statistics of the model do not change.
    """

    def alone(
        self,
        trainable: list[Tensor],
        state: list[Tensor],
        correction: list[Tensor],
        inputs: ClientInputs,
        bounds: Tensor,
        round: Tensor,
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], Tensor]:
        """Train one client; see ``Epoch.alone``.

        The total is the sum over all steps of the losses over q n. It is not noised,
        and so must not leave the client.
        """
        received = BoundModel(self.network, trainable, inputs.fixed, round)
        expected = inputs.private.expected

        def step(i: Tensor, *carried: Any) -> tuple[Any, ...]:
            """Take one optimiser step, on noise alone if it has no examples."""
            weights, fixed, state, total = carried
            sums, fixed, loss = self._sums(
                weights, fixed, inputs, bounds[i : i + 2], received
            )
            key = tf.random.experimental.stateless_fold_in(inputs.private.key, i)
            gradients = _released(sums, inputs.private, key)
            gradients = [
                tf.cast(g, w.dtype) for g, w in zip(gradients, weights, strict=True)
            ]
            gradients = self._penalised(gradients, weights)
            gradients = self._with_terms(gradients, weights, trainable, correction)
            weights, state = self.optimizer(state, gradients, weights)
            return i + 1, weights, fixed, state, total + loss / expected

        steps = tf.shape(bounds)[0] - 1
        carried = (0, list(trainable), list(inputs.fixed), list(state), 0.0)
        _, trained, fixed, state, total = while_loop(
            lambda i, *_: i < steps, step, carried
        )
        return trained, fixed, state, total

    def _sums(
        self,
        weights: list[Tensor],
        fixed: list[Tensor],
        inputs: ClientInputs,
        batches: Tensor,
        received: BoundModel,
    ) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Return the sums of clipped gradients and of losses over a step's examples.

        ``batches`` are the first of the step's physical batches and their end.
        """

        def add(j: Tensor, *carried: Any) -> tuple[Any, ...]:
            fixed, sums, total = carried
            rows = inputs.order[j]
            taken = rows != NOBODY
            mask = tf.cast(taken, tf.float32)
            rows = tf.where(taken, rows, 0)
            x, y = tf.gather(inputs.x, rows), tf.gather(inputs.y, rows)

            def bind(weights: Sequence[Tensor]) -> BoundModel:
                return BoundModel(
                    self.network, weights, fixed, received.round, received=received
                )

            key = tf.random.experimental.stateless_fold_in(inputs.seed, j)
            # Each example's attack uses that example alone, so clipping its gradient at
            # the attacked input bounds all that the example changes.
            x_adv = self.objective.perturb(bind(weights), x, y, key)
            x_adv = tf.ensure_shape(tf.stop_gradient(x_adv), x.shape)
            clipped = clipped_sum(
                self.network,
                weights,
                bind,
                self.objective.loss,
                (x, x_adv, y),
                inputs.private.clip,
                mask,
            )
            sums = [
                s + tf.cast(g, s.dtype)
                for s, g in zip(sums, clipped.gradients, strict=True)
            ]
            loss = tf.reduce_sum(mask * tf.cast(clipped.losses, tf.float32))
            return j + 1, clipped.fixed, sums, total + loss

        zeros = [tf.zeros(w.shape, _wide(w.dtype)) for w in weights]
        end = batches[1]
        _, fixed, sums, total = while_loop(
            lambda j, *_: j < end, add, (batches[0], fixed, zeros, 0.0)
        )
        return sums, fixed, total

    def _penalised(
        self, gradients: list[Tensor], weights: list[Tensor]
    ) -> list[Tensor]:
        """Add the gradients of the regularisers, which depend on the weights alone."""
        variables = self.network.model.trainable_variables
        penalised = [i for i, v in enumerate(variables) if v.regularizer]
        if not penalised:
            return gradients
        with tf.GradientTape() as tape:
            tape.watch(weights)
            penalties = [variables[i].regularizer(weights[i]) for i in penalised]
            penalty = tf.add_n([tf.reduce_sum(p) for p in penalties])
        terms = tape.gradient(penalty, weights, unconnected_gradients="zero")
        return [g + term for g, term in zip(gradients, terms, strict=True)]

    def _inputs(self, *clients: None) -> ClientInputs:
        """Return the signature of a client's inputs."""
        number = tf.TensorSpec(clients, tf.float32)
        return (
            super()
            ._inputs(*clients)
            ._replace(
                order=tf.TensorSpec((*clients, None, None), tf.int32),
                private=PrivateInputs(
                    clip=number,
                    noise_multiplier=number,
                    expected=number,
                    key=tf.TensorSpec((*clients, 2), tf.int32),
                ),
            )
        )


def _released(sums: list[Tensor], private: PrivateInputs, key: Tensor) -> list[Tensor]:
    """Return the noised mean of clipped gradients, the only release of a step."""
    deviation = private.noise_multiplier * private.clip
    released = []
    for number, total in enumerate(sums):
        own = tf.random.experimental.stateless_fold_in(key, number)
        noise = tf.random.stateless_normal(total.shape, own, dtype=total.dtype)
        total = total + tf.cast(deviation, total.dtype) * noise
        released.append(total / tf.cast(private.expected, total.dtype))
    return released


def _wide(dtype: Any) -> Any:
    """Return the dtype to sum and draw noise in: half precision would round both."""
    return tf.float32 if dtype.size < tf.float32.size else dtype
