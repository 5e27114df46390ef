"""Warm-up: epsilon grows over the first rounds; training at 0.3 on MNIST needs it."""

from fedrobust.backend import tf
from fedrobust.network import Tensor


def warmup(rounds: int, round: Tensor) -> Tensor:
    """Return the factor of epsilon, which grows linearly to 1 in round ``rounds``."""
    if rounds == 0:
        return tf.constant(1.0)
    return tf.minimum(1.0, tf.cast(round, tf.float32) / rounds)
