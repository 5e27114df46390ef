"""Clipped gradients of single examples, of any Keras model that keeps them apart."""

from fedrobust.network.per_example.clipped import Clipped, clipped_sum
from fedrobust.network.per_example.separate import check_separate

__all__ = ["Clipped", "check_separate", "clipped_sum"]
