"""Dual batch normalisation: separate statistics for clean and adversarial inputs.

Xie, Tan, Gong, Wang, Yuille, Le: Adversarial examples improve image recognition, CVPR
2020; the weights are shared by both branches as in FedRBN (Hong et al., AAAI 2023). A
mixture of clean and adversarial inputs is not Gaussian, so each kind of input has its
own mean and variance.

Importing this module imports Keras.
"""

from typing import Any

from fedrobust.backend import keras, tf

BRANCHES = ("clean", "noise")


@keras.saving.register_keras_serializable(package="fedrobust")
class DualBatchNormalization(keras.layers.Layer):  # type: ignore[misc]
    """Normalise over all axes except the last, with the statistics of one branch.

    The variable ``branch`` is the number of the branch: 0 for clean, 1 for noise. A
    model is stored with 1, because it is evaluated on the noise branch. As in Keras's
    own layer, statistics of half-precision inputs are float32; in half precision they
    would overflow, or be too coarse to change.

    Parameters
    ----------
    momentum
        Share of the moving statistics that is kept after a batch.
    epsilon
        Constant added to the variance.
    """

    def __init__(
        self, momentum: float = 0.9, epsilon: float = 1e-3, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        """Create the weights."""

        def weight(name: str, start: str, trainable: bool) -> Any:
            return self.add_weight(
                name=name,
                shape=(input_shape[-1],),
                initializer=start,
                trainable=trainable,
                autocast=False,
            )

        self.gamma = weight("gamma", "ones", True)
        self.beta = weight("beta", "zeros", True)
        self.means = [weight(f"{b}_mean", "zeros", False) for b in BRANCHES]
        self.variances = [weight(f"{b}_variance", "ones", False) for b in BRANCHES]
        self.branch = self.add_weight(
            name="branch", shape=(), dtype="int32", initializer="ones", trainable=False
        )

    def call(self, x: Any, training: bool = False) -> Any:
        """Normalise; in training, by batch statistics, which update the moving ones."""
        is_noise = tf.equal(self.branch, 1)
        x = tf.cast(x, self._wide)
        if training:
            mean, variance = tf.nn.moments(x, list(range(len(x.shape) - 1)))
            self._remember(self.means, mean, is_noise)
            self._remember(self.variances, variance, is_noise)
        else:
            mean, variance = (
                tf.cast(tf.where(is_noise, noise, clean), self._wide)
                for clean, noise in (self.means, self.variances)
            )
        gamma, beta = (tf.cast(v, self._wide) for v in (self.gamma, self.beta))
        scale = gamma * tf.math.rsqrt(variance + self.epsilon)
        return tf.cast(x * scale + (beta - mean * scale), self.compute_dtype)

    @property
    def _wide(self) -> str:
        """The dtype of the computation, at least float32."""
        return "float64" if self.compute_dtype == "float64" else "float32"

    def _remember(self, kept: list[Any], batch: Any, is_noise: Any) -> None:
        for number, variable in enumerate(kept):
            before = tf.cast(variable, self._wide)
            moved = self.momentum * before + (1 - self.momentum) * batch
            mine = tf.equal(is_noise, bool(number))
            variable.assign(tf.cast(tf.where(mine, moved, before), variable.dtype))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {"momentum": self.momentum, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
