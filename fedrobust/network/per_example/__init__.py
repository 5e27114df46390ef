"""Clipped gradients of single examples, of any Keras model that keeps them apart."""

from fedrobust.network.per_example.clipped import Clipped, clipped_sum

__all__ = ["Clipped", "clipped_sum"]
