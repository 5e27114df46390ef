"""A model bound to weights, as objectives and attacks use it inside a graph."""

from collections.abc import Sequence
from typing import Any

from fedrobust.backend import keras, tf
from fedrobust.network.gradient_scaling import GradientScaling
from fedrobust.network.input_gradient import fast_input_gradients
from fedrobust.network.network import Network, Tensor


class BoundModel:
    """A network bound to its weights, which objectives and attacks call in a graph.

    ``model(x)`` returns logits in inference mode; ``model(x, training=True)`` uses
    dropout and batch statistics, and keeps the updated moving statistics. For a model
    with dual batch normalisation, the default ``branch`` is clean in training and noise
    in inference.

    Attributes
    ----------
    fixed
        Values of the non-trainable variables, as the last call in training left them.
    round
        The round as a scalar tensor, for schedules; 0 outside training.
    class_counts
        (classes,) number of the client's examples with each label; None outside
        training.
    received
        The model that the server sent; None outside training.
    delta
        (batch, ...) perturbation carried from the previous step, for an objective that
        replays batches; None for others.
    losses
        Scalar losses of the last call from regularisers and ``add_loss``, as in
        ``keras.Model.losses``. A local step adds them to its loss.
    """

    def __init__(
        self,
        network: Network,
        trainable: Sequence[Tensor],
        fixed: Sequence[Tensor],
        round: Tensor = 0,
        *,
        class_counts: Tensor | None = None,
        received: "BoundModel | None" = None,
        delta: Tensor | None = None,
    ) -> None:
        self._network = network
        self._trainable = list(trainable)
        self.fixed = list(fixed)
        self.round = round
        self.class_counts = class_counts
        self.received = received
        self.delta = delta
        self.losses: list[Tensor] = []

    def __call__(
        self, x: Tensor, training: bool = False, branch: str | None = None
    ) -> Tensor:
        """Return (batch, classes) logits, in float32 for any dtype of the model."""
        values = self._values(training, branch)
        model = self._network.model
        # Only attacks need scaled gradients; they differentiate in inference mode.
        scaling = None if training or not self._network.is_narrow else GradientScaling()
        x = x if scaling is None else scaling.inputs(x)
        scope = keras.StatelessScope(state_mapping=values, collect_losses=True)
        with scope, fast_input_gradients(), self._network.names():
            logits = tf.cast(model(x, training=training), tf.float32)
            weights = [v for v in model.trainable_variables if v.regularizer]
            penalties = [v.regularizer(v) for v in weights]
        self.losses = [tf.reduce_sum(p) for p in (*scope.losses, *penalties)]
        fixed = [scope.get_current_value(v) for v in model.non_trainable_variables]
        if training:
            self.fixed = list(fixed)
        return logits if scaling is None else scaling.logits(logits)

    def in_a_row(self, x: Tensor, calls: int) -> list[Tensor]:
        """Return the (batch, classes) logits of successive calls in inference mode.

        Each call starts with the random state that the previous one left, as when a
        Keras model is called directly.
        """
        with keras.StatelessScope(state_mapping=self._values(False, None)):
            outputs = [self._network.model(x, training=False) for _ in range(calls)]
        return [tf.cast(each, tf.float32) for each in outputs]

    def _values(self, training: bool, branch: str | None) -> list[tuple[Any, Tensor]]:
        """Pair the variables of the Keras model with their values."""
        fixed = list(self.fixed)
        if branch is None:
            branch = "clean" if training else "noise"
        elif not self._network.branches:
            raise ValueError("the model has no branches: use model=cnn model.norm=dual")
        for i in self._network.branches:
            fixed[i] = tf.constant(int(branch == "noise"), tf.int32)
        model = self._network.model
        return [
            *zip(model.trainable_variables, self._trainable, strict=True),
            *zip(model.non_trainable_variables, fixed, strict=True),
        ]
