"""Small Keras models by name; any other model is configured by ``_target_``.

A model takes images in [0, 1] and returns logits. Its first layer standardises the
images, so that epsilon is in units of pixels.
"""

from fedrobust.models.bucketing import CnnBucketing
from fedrobust.models.build import build_model, seeded
from fedrobust.models.builder import ModelBuilder
from fedrobust.models.cnn import CNN
from fedrobust.models.cnn_dpsgd import CnnDpSgd
from fedrobust.models.cnn_mnist import CnnMnist
from fedrobust.models.flanders_baseline import FlandersMLP
from fedrobust.models.mlp import MLP
from fedrobust.models.resnet import ResNet

__all__ = [
    "CNN",
    "MLP",
    "CnnBucketing",
    "CnnDpSgd",
    "CnnMnist",
    "FlandersMLP",
    "ModelBuilder",
    "ResNet",
    "build_model",
    "seeded",
]
