"""Checks before DP-SGD trains: each example's gradient must be its own.

Clipping bounds what one example changes only if no other example's gradient depends on
it: through the attack, the loss, batch statistics or a layer that mixes the batch.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fedrobust.backend import tf
from fedrobust.network import BoundModel, Network, Tensor
from fedrobust.network.per_example import check_separate
from fedrobust.training.objective import Objective, Replaying
from fedrobust.training.optimizer import PureOptimizer

REMEDY = "choose training=standard, noise, pgd, fast, trades, mart or alp"
# Largest change of another example's adversarial input that passes as rounding.
ROUNDING = 1e-4


def require_private(
    network: Network, objective: Objective, optimizer: PureOptimizer
) -> None:
    """Raise ValueError for what cannot train with DP-SGD, by what it declares."""
    name = type(objective).__name__
    separate = getattr(objective, "separate", True)
    if not separate or isinstance(objective, Replaying):
        raise ValueError(
            f"{name} uses other examples of the batch or the client for an example, so "
            f"clipping bounds nothing: {REMEDY}"
        )
    if optimizer.loss_scale is not None:
        raise ValueError(
            f"loss_scale_factor={optimizer.loss_scale}: must be left out with DP-SGD, "
            "whose clipped gradients are never scaled"
        )
    if not network.has_graph:
        raise ValueError(
            f"the model {network.model.name} cannot be compiled, which DP-SGD needs"
        )


def check_private(
    network: Network, objective: Objective, examples: tuple[Any, Any] | None
) -> None:
    """Check by numbers that neither the attack nor the gradients mix examples.

    Parameters
    ----------
    network, objective
        The model, with its current weights, and the training hook.
    examples
        (n, ...) images and (n,) labels, n at least 2; None draws four images.

    Raises
    ------
    ValueError
        When they do, with what causes it.
    """
    x, y = _some(network, examples)
    weights, fixed = (
        [tf.convert_to_tensor(value) for value in values]
        for values in network.split(network.arrays())
    )

    def bind(weights: Sequence[Tensor]) -> BoundModel:
        received = BoundModel(network, weights, fixed, 1)
        return BoundModel(network, weights, fixed, 1, received=received)

    def attacked(x: Any) -> Any:
        seed = tf.constant([0, 1])
        x_adv = objective.perturb(bind(weights), tf.constant(x), tf.constant(y), seed)
        return np.asarray(x_adv)

    x_adv = attacked(x)
    moved = attacked(np.concatenate([1 - x[:1], x[1:]]))
    change = float(np.abs(moved[1:] - x_adv[1:]).max())
    if not change <= ROUNDING:
        raise ValueError(
            f"{type(objective).__name__}.perturb changes an example's input by "
            f"{change:.2g} when another example changes: use the example, the weights "
            "and the seed alone"
        )
    check_separate(network, objective.loss, (x, x_adv, y), bind)


def _some(network: Network, examples: tuple[Any, Any] | None) -> tuple[Any, Any]:
    """Return images and labels to check with; four random ones for fewer than two."""
    x, y = examples or ((), ())
    if len(x) >= 2:
        return np.asarray(x, np.float32), np.asarray(y, np.int32)
    rng = np.random.default_rng(0)
    shape = (4, *network.model.input_shape[1:])
    y = rng.integers(network.num_classes, size=4, dtype=np.int32)
    return rng.random(shape, np.float32), y
