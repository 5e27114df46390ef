"""AVmixup: train between clean images and vertices beyond their PGD examples.

    x_v = clip(x + gamma (x' - x)),   x' = PGD(x, epsilon)
    min_w  E CE(f_w(a x + (1 - a) x_v), a s(y, lambda_1) + (1 - a) s(y, lambda_2))

with a uniform in (0, 1); s(y, lambda) gives probability lambda to the label and shares
1 - lambda equally among the other classes. Lee, Lee, Yoon: Adversarial vertex mixup:
toward better adversarially robust generalization, CVPR 2020; their CIFAR-10 values are
the defaults. The paper draws a for each example. This module assigns the evenly spaced
values (i + 1/2) / batch to the examples of a batch, whose order is random (unless
``training.shuffle`` is false). This has the same distribution up to 1 / batch, and less
variance. A vertex is clipped to [0, 1].
"""

from dataclasses import dataclass

from fedrobust.attacks.ball import each
from fedrobust.backend import tf
from fedrobust.network import BoundModel, Tensor
from fedrobust.training.pgd import PGDObjective
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class AVMixup(PGDObjective):
    """Train on mixtures of clean images and adversarial vertices, and of their labels.

    Parameters
    ----------
    gamma
        Factor of the perturbation that gives the vertex, at least 1.
    lambda_clean, lambda_vertex
        Probability of the label at the image and at the vertex, lambda_1 and lambda_2,
        in [0, 1].
    """

    gamma: float = 2.0
    lambda_clean: float = 1.0
    lambda_vertex: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("gamma", self.gamma, 1)
        require_between("lambda_clean", self.lambda_clean, 0, 1)
        require_between("lambda_vertex", self.lambda_vertex, 0, 1)

    @property
    def separate(self) -> bool:
        """False, as an example's place in the batch decides its share of the vertex."""
        return False

    def loss(self, model: BoundModel, x: Tensor, x_adv: Tensor, y: Tensor) -> Tensor:
        """Return the cross-entropy of mixed inputs and mixed labels."""
        batch = tf.cast(tf.shape(x)[0], tf.float32)
        share = (tf.range(batch) + 0.5) / batch
        vertex = tf.clip_by_value(x + self.gamma * (x_adv - x), 0.0, 1.0)
        mixed = x + each(1.0 - share, x) * (vertex - x)
        logits = model(mixed, training=True)
        # Label smoothing is linear in lambda, so mixing lambdas mixes the labels.
        kept = share * self.lambda_clean + (1.0 - share) * self.lambda_vertex
        classes = logits.shape[1]
        spread = each((1.0 - kept) / (classes - 1), logits)
        is_label = tf.one_hot(y, classes, True, False, dtype=tf.bool)
        labels = tf.where(is_label, each(kept, logits), spread)
        return tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)
