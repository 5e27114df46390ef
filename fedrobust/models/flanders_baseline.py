"""The network of the Flower baseline of FLANDERS (Gabrielli et al. 2023)."""

from dataclasses import dataclass
from typing import Any

from fedrobust.models.mlp import MLP
from fedrobust.models.parts import uniform


@dataclass(frozen=True, kw_only=True)
class FlandersMLP(MLP):
    """Fully connected ReLU layers with PyTorch's initial weights.

    Gabrielli et al., arXiv 2303.16668, its Flower baseline: kernels and biases are
    uniform within 1 / sqrt(fan in), where Keras takes Glorot's range and biases of 0.
    """

    def start(self, fan_in: int) -> dict[str, Any]:
        """Choose the initial weights of a layer with so many inputs."""
        return uniform(fan_in)
