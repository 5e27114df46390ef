"""Losses that attacks maximise: they grow as an example becomes more adversarial.

CE      log-sum-exp(z) - z_y
margin  max_{i != y} z_i - z_y                               (Carlini, Wagner, S&P 2017)
KL      KL(softmax(z of x) || softmax(z))                    (Zhang et al., ICML 2019)
DLR     -(z_y - max_{i != y} z_i) / (z_(1) - z_(3))          (Croce, Hein, ICML 2020)
DLR_t   -(z_y - z_t) / (z_(1) - (z_(3) + z_(4)) / 2)         (the same, targeted)

z_(k) is the k-th largest logit. DLR does not change when logits are scaled or shifted,
so scaling the logits cannot mask its gradient.
"""

import math

from fedrobust.backend import tf
from fedrobust.network import Tensor

_TINY = 1e-12


def of_label(labels: Tensor, logits: Tensor) -> Tensor:
    """Return the (batch,) logits of the labels."""
    return tf.gather(logits, labels, batch_dims=1)


def best_other(labels: Tensor, logits: Tensor) -> Tensor:
    """Return the (batch,) largest logits of the other classes."""
    return tf.reduce_max(_without(labels, logits), axis=1)


def margin(labels: Tensor, logits: Tensor) -> Tensor:
    """Return the (batch,) margins by which another class wins."""
    return best_other(labels, logits) - of_label(labels, logits)


def kl_divergence(reference: Tensor, logits: Tensor) -> Tensor:
    """Return the (batch,) KL divergences of softmax(logits) from softmax(reference)."""
    log_p, log_q = tf.nn.log_softmax(reference), tf.nn.log_softmax(logits)
    return tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=1)


def dlr(labels: Tensor, logits: Tensor) -> Tensor:
    """Return the (batch,) difference of logits ratios; needs three classes."""
    top = tf.math.top_k(logits, 3).values
    return margin(labels, logits) / (top[:, 0] - top[:, 2] + _TINY)


def targeted_dlr(labels: Tensor, targets: Tensor, logits: Tensor) -> Tensor:
    """Return the (batch,) ratios towards target classes; needs four classes."""
    top = tf.math.top_k(logits, 4).values
    scale = top[:, 0] - 0.5 * (top[:, 2] + top[:, 3]) + _TINY
    return (of_label(targets, logits) - of_label(labels, logits)) / scale


def likeliest_other(labels: Tensor, logits: Tensor, rank: Tensor) -> Tensor:
    """Return the (batch,) wrong classes of a rank; rank 0 is the likeliest."""
    others = _without(labels, logits)
    ordered = tf.argsort(others, axis=1, direction="DESCENDING", stable=True)
    return ordered[:, rank]


def is_fooled(labels: Tensor, logits: Tensor) -> Tensor:
    """Return (batch,) whether the answer is wrong; logits that overflow are wrong."""
    wins = tf.argmax(logits, axis=1, output_type=tf.int32) == labels
    return ~(wins & tf.reduce_all(tf.math.is_finite(logits), axis=1))


def _without(labels: Tensor, logits: Tensor) -> Tensor:
    """Return the logits with the label's logit replaced by minus infinity."""
    is_label = tf.one_hot(labels, tf.shape(logits)[1], True, False, dtype=tf.bool)
    return tf.where(is_label, -math.inf, logits)
