"""A model with its weights, as objectives and attacks see it inside a graph."""

from collections.abc import Sequence
from typing import Any

from fedrobust.backend import keras, tf
from fedrobust.network.gradient_scaling import GradientScaling
from fedrobust.network.input_gradient import fast_input_gradients
from fedrobust.network.network import Network, Tensor


class BoundModel:
    """A network with its weights: what objectives and attacks call, inside a graph.

    ``model(x)`` gives logits in inference mode; ``model(x, training=True)`` uses
    dropout and batch statistics, and keeps the statistics it leaves. Of a model with
    dual batch normalisation it trains the clean branch and tests the noise branch,
    unless told the ``branch``.

    Attributes
    ----------
    round
        The round as a scalar tensor, for schedules; 0 outside training.
    class_counts
        (classes,) how often the client has each label; None outside training.
    received
        The model that the server sent; None outside training.
    delta
        (batch, ...) what was added to the inputs of this batch when it was last seen,
        for an objective that replays batches; None for others.
    losses
        Scalars that the last call left beside its logits, as ``keras.Model.losses``:
        of regularisers and ``add_loss``. A local step adds them to its loss.
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
        """Compute (batch, classes) logits, float32 whatever the model computes in."""
        values = self._values(training, branch)
        model = self._network.model
        # Attacks differentiate the model in inference mode.
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
        """Compute the (batch, classes) logits of several calls in inference mode.

        Random state that one call leaves, the next begins with, as where a Keras model
        is called by itself.
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
            raise ValueError("the model has no branches: say model=cnn model.norm=dual")
        for i in self._network.branches:
            fixed[i] = tf.constant(int(branch == "noise"), tf.int32)
        model = self._network.model
        return [
            *zip(model.trainable_variables, self._trainable, strict=True),
            *zip(model.non_trainable_variables, fixed, strict=True),
        ]
