"""Warm-up: epsilon grows over the first rounds, as training at 0.3 on MNIST needs."""

from fedrobust.backend import tf
from fedrobust.network import Tensor


def warmup(rounds: int, round: Tensor) -> Tensor:
    """Give the share of epsilon in a round: it grows linearly to 1 in ``rounds``."""
    if rounds == 0:
        return tf.constant(1.0)
    return tf.minimum(1.0, tf.cast(round, tf.float32) / rounds)
