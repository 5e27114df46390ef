"""A Keras model as a pure function of weights and inputs, with its gradients."""

from fedrobust.network.bound_model import BoundModel
from fedrobust.network.network import Arrays, Network, Tensor, network_of

__all__ = ["Arrays", "BoundModel", "Network", "Tensor", "network_of"]
