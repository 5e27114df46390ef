"""The sum of the clipped gradients of single examples.

    sum_b m_b min(1, C / |g_b|) g_b,    g_b = the gradient of example b's loss

The norm is taken over all weights at once. Abadi, Chu, Goodfellow, McMahan, Mironov,
Talwar, Zhang: Deep Learning with Differential Privacy, CCS 2016, Algorithm 1.
"""

from collections.abc import Callable, Sequence

from fedrobust.backend import tf
from fedrobust.network.bound_model import BoundModel
from fedrobust.network.network import Network, Tensor
from fedrobust.network.per_example.factors import Clipped
from fedrobust.network.per_example.layers import by_layers
from fedrobust.network.per_example.whole import whole_model

Bind = Callable[[Sequence[Tensor]], BoundModel]
Losses = Callable[..., Tensor]

HALF = {"bfloat16", "float16"}

__all__ = ["Clipped", "clipped_sum"]


def clipped_sum(
    network: Network,
    weights: Sequence[Tensor],
    bind: Bind,
    losses_of: Losses,
    batch: Sequence[Tensor],
    clip: Tensor,
    mask: Tensor,
) -> Clipped:
    """Return the sum of the clipped gradients of the examples of a batch.

    Parameters
    ----------
    network
        The model.
    weights
        Trainable weights, in the network's order.
    bind
        Function that binds the model to such weights.
    losses_of
        Function ``losses_of(model, *batch)`` of a bound model, which returns (batch,)
        losses. Example b's loss may depend on example b alone.
    batch
        Tensors whose first axis is that of the examples, of which there is at least
        one.
    clip
        C, the largest norm of an example's gradient, above 0.
    mask
        (batch,) floats: 1 for an example that counts, 0 for one that fills the batch.

    Raises
    ------
    ValueError
        When the model keeps statistics of the examples, as batch normalisation does,
        adds a loss that depends on them, or computes in float16.

    Notes
    -----
    An example whose gradient is not finite counts as 0, so that the sensitivity of the
    sum remains C. ``BoundModel.losses``, which no example determines, are left out.
    """
    if network.has_graph and network.is_narrow:
        raise ValueError(
            f"the model {network.model.name} computes in float16, where gradients of "
            "single examples vanish: use float32 or the policy mixed_bfloat16"
        )
    arguments = (network, list(weights), bind, losses_of, batch, clip, mask)
    if not tf.executing_eagerly() and _is_float32(network):
        clipped = by_layers(*arguments)
        if clipped is not None:
            return clipped
    return whole_model(*arguments)


def _is_float32(network: Network) -> bool:
    """Return whether weights and computation are in float32, as the rules assume."""
    dtypes = {v.dtype for v in network.model.trainable_variables}
    return dtypes == {"float32"} and not HALF & network.dtypes
