"""Small Keras models by name; any other comes by ``_target_``.

A model takes images in [0, 1] and gives logits. Standardising is its first layer, so
that epsilon stays in pixels.
"""

from fedrobust.models.build import build_model, seeded
from fedrobust.models.builder import ModelBuilder
from fedrobust.models.cnn import CNN
from fedrobust.models.cnn_bucketing import CnnBucketing
from fedrobust.models.cnn_mnist import CnnMnist
from fedrobust.models.mlp import MLP
from fedrobust.models.resnet import ResNet

__all__ = [
    "CNN",
    "MLP",
    "CnnBucketing",
    "CnnMnist",
    "ModelBuilder",
    "ResNet",
    "build_model",
    "seeded",
]
