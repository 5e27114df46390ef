"""A small pre-activation residual network."""

from dataclasses import dataclass
from typing import Any

from fedrobust.backend import keras
from fedrobust.models.builder import ModelBuilder
from strategies.validation import require, require_between


@dataclass(frozen=True, kw_only=True)
class ResNet(ModelBuilder):
    """A pre-activation residual network with group normalisation, for CIFAR-10.

    He, Zhang, Ren, Sun: Identity Mappings in Deep Residual Networks, ECCV 2016. Group
    normalisation replaces batch normalisation as in Hsieh, Phanishayee, Mutlu, Gibbons:
    The Non-IID Data Quagmire of Decentralized Machine Learning, ICML 2020, because
    batch statistics fail if clients hold different labels.

    Parameters
    ----------
    blocks_per_stage
        Residual blocks n in each of three stages, at least 1; the depth is 6 n + 2.
    width
        Channels of the first stage; each later stage has twice as many.
    groups
        Groups of the normalisation, a divisor of the width.
    """

    blocks_per_stage: int = 1
    width: int = 16
    groups: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("blocks_per_stage", self.blocks_per_stage, 1)
        require_between("width", self.width, 1)
        require(
            self.groups >= 1 and self.width % self.groups == 0,
            "groups",
            self.groups,
            f"a divisor of width={self.width}",
        )

    def layers(self) -> list[Any]:
        """Return the residual trunk, which is not a sequence, as one layer."""
        return [self._trunk()]

    def _trunk(self) -> Any:
        def normed(x: Any) -> Any:
            x = keras.layers.GroupNormalization(self.groups)(x)
            return keras.layers.Activation("relu")(x)

        def conv(x: Any, filters: int, size: int, stride: int) -> Any:
            layer = keras.layers.Conv2D(
                filters, size, stride, padding="same", use_bias=False
            )
            return layer(x)

        inputs = keras.Input(tuple(self.input_shape))
        x = conv(inputs, self.width, 3, 1)
        for stage in range(3):
            filters = self.width * 2**stage
            for block in range(self.blocks_per_stage):
                stride = 2 if stage > 0 and block == 0 else 1
                active = normed(x)
                widened = stride > 1 or filters != x.shape[-1]
                shortcut = conv(active, filters, 1, stride) if widened else x
                active = normed(conv(active, filters, 3, stride))
                x = keras.layers.Add()([conv(active, filters, 3, 1), shortcut])
        outputs = keras.layers.GlobalAveragePooling2D()(normed(x))
        return keras.Model(inputs, outputs, name="trunk")
