"""DP-SGD steps: ours, by tf.vectorized_map, and without privacy.

The network is that of the published DP-SGD tables, 26,010 parameters; a step has 256
images of MNIST's 60,000. Private sides draw Poisson batches, so a step has 256 images
on average, and the padding of physical batches is in the figures.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.data import mnist
from fedrobust.training.schedule import LocalTraining

BATCH, STEPS, CLIP, NOISE, RATE = 256, 40, 1.5, 1.3, 0.25
KEY = {"seed": 0, "round": 1, "client": 0}
LOCAL = LocalTraining(local_steps=STEPS, batch_size=BATCH)
# By name, in the order of the layers: kernels as Keras has them, and zero biases.
SHAPES = (
    (8, 8, 1, 16),
    (16,),
    (4, 4, 16, 32),
    (32,),
    (512, 32),
    (32,),
    (32, 10),
    (10,),
)


def first_weights() -> list[NDArray[np.float32]]:
    """Draw the weights that all sides start from."""
    rng = np.random.default_rng(0)
    return [
        rng.standard_normal(shape, np.float32) / np.float32(np.prod(shape[:-1]) ** 0.5)
        if len(shape) > 1
        else np.zeros(shape, np.float32)
        for shape in SHAPES
    ]


class Steps:
    """Our compiled local training.

    Parameters
    ----------
    private
        Train with DP-SGD.
    pgd
        Train on PGD-10 examples.
    """

    def __init__(self, private: bool, pgd: bool = False) -> None:
        from fedrobust.backend import keras
        from fedrobust.models import CnnDpSgd, build_model
        from fedrobust.network import Network
        from fedrobust.training import PGDTraining, Standard, Trainer
        from fedrobust.training.private_trainer import PrivateTrainer

        recipe = CnnDpSgd(input_shape=[28, 28, 1], num_classes=10)
        network = Network(build_model(recipe, 0, (28, 28, 1)))
        names = network.trainable
        self.arrays = dict(zip(names, first_weights(), strict=True))
        # Without a random start the attack is the same for any order of the images.
        attack = PGDTraining(epsilon=0.3, steps=10, random_start=False)
        objective = attack if pgd else Standard()
        optimizer = keras.optimizers.SGD(RATE)
        kind = PrivateTrainer if private else Trainer
        self.trainer: Any = kind(network, objective, optimizer)
        self.private = private

    def train(
        self, clip: float = CLIP, noise: float = NOISE, full_batch: bool = False
    ) -> Any:
        """Train ``STEPS`` steps, or one on the first images alone."""
        from fedrobust.training.private_trainer import ExampleNoise

        x, y = mnist(60000)
        x, y = x[..., None], y.astype(np.int32)
        local = LOCAL
        if full_batch:
            x, y = x[:BATCH], y[:BATCH]
            local = LocalTraining(local_steps=1, batch_size=BATCH)
        trainer = self.trainer
        if self.private:
            trainer = trainer.with_noise(ExampleNoise(clip, noise))
        return trainer.train(self.arrays, x, y, local, **KEY)[0]

    def work(self, clip: float) -> dict[str, float]:
        """Return the loss and the gradient's norm of a step without noise."""
        trained = self.train(clip, 0.0, full_batch=True)
        moved = [trained.arrays[n] - v for n, v in self.arrays.items()]
        norm = np.sqrt(sum(float((m**2).sum()) for m in moved)) / RATE
        return {"loss": trained.loss, "norm": float(norm)}


def _measured(
    steps: Steps, clock: Callable[[], float], clip: float = CLIP
) -> Callable[[], Mapping[str, Any]]:
    """Return a function that measures the milliseconds of a step."""
    work = steps.work(clip)

    def measure() -> Mapping[str, Any]:
        began = clock()
        trained = steps.train()
        value = 1000 * (clock() - began) / trained.steps
        return {"value": value, "work": {"steps": trained.steps, **work}}

    return measure


def ours_by_wall() -> Any:
    """Ours, wall time, whose independent operations take both cores."""
    return _measured(Steps(private=True), time.perf_counter)


def ours() -> Any:
    """Ours, processor time."""
    return _measured(Steps(private=True), time.process_time)


def vectorized_map() -> Any:
    """Ours with tf.vectorized_map over the tape of each single example."""
    from fedrobust.network.per_example.whole import whole_model
    from fedrobust.training import private_epoch

    private_epoch.clipped_sum = whole_model
    return _measured(Steps(private=True), time.process_time)


def against_plain(private: str, pgd: str) -> Any:
    """Processor time with or without privacy, and on PGD-10 examples or without.

    The gradients that are compared are not clipped.
    """
    steps = Steps(private == "private", pgd == "pgd")
    return _measured(steps, time.process_time, clip=1e6)
