"""APGD on 1,000 MNIST images and a CNN of 210,618 parameters, here and in ART."""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from experiments.benchmarks.data import MEAN, STD, mnist

# So small that few images are broken, and both sides take all steps on nearly all.
IMAGES, STEPS, EPSILON = 1000, 20, 0.02
TRAIN, BATCH = 6000, 250


def _trained() -> tuple[Any, Any, Any]:
    """Train the model that every side uses; return it with the images to attack."""
    from fedrobust.backend import keras
    from fedrobust.models import CNN, build_model
    from fedrobust.network import network_of
    from fedrobust.training import LocalTraining, Standard, Trainer

    recipe = CNN(
        input_shape=[28, 28, 1],
        num_classes=10,
        mean=[MEAN],
        std=[STD],
        filters=[16, 32],
        units=128,
    )
    model = build_model(recipe, 0, (28, 28, 1))
    x, y = mnist(TRAIN + IMAGES)
    x, y = x[..., None], y.astype(np.int32)
    network = network_of(model)
    trained, _ = Trainer(network, Standard(), keras.optimizers.SGD(0.1)).train(
        network.arrays(),
        x[:TRAIN],
        y[:TRAIN],
        LocalTraining(local_epochs=3),
        seed=0,
        round=1,
        client=0,
    )
    network.assign(trained.arrays)
    return model, x[TRAIN:], y[TRAIN:]


def _measured(model: Any, y: Any, attack: Callable[[], Any]) -> Any:
    def measure() -> Mapping[str, Any]:
        began = time.perf_counter()
        x_adv = attack()
        seconds = time.perf_counter() - began
        answers = model.predict(x_adv, verbose=0).argmax(axis=1)
        return {
            "value": 1e6 * seconds / (STEPS * IMAGES),
            "work": {"accuracy": float(np.mean(answers == y))},
        }

    return measure


def ours() -> Any:
    """Our APGD on all cores."""
    from fedrobust.attacks import APGD

    model, x, y = _trained()
    attack = APGD(epsilon=EPSILON, steps=STEPS)
    return _measured(model, y, lambda: attack(model, x, y))


def _art(classifier: Any, x: Any, y: Any) -> Callable[[], Any]:
    from art.attacks.evasion import AutoProjectedGradientDescent

    attack = AutoProjectedGradientDescent(
        classifier,
        norm=np.inf,
        eps=EPSILON,
        eps_step=2 * EPSILON,
        max_iter=STEPS,
        nb_random_init=1,
        batch_size=BATCH,
        loss_type="cross_entropy",
        verbose=False,
    )
    labels = np.eye(10, dtype=np.float32)[y]
    return lambda: attack.generate(x, labels)


def art_tensorflow() -> Any:
    """ART's APGD on the same Keras model, with TensorFlow's default threads."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import tensorflow as tf

    # Called before our code fixes the number of threads for reproducible bits.
    tf.config.threading.set_intra_op_parallelism_threads(2)
    tf.config.list_logical_devices()
    import warnings

    warnings.simplefilter("ignore")
    model, x, y = _trained()
    from art.estimators.classification import TensorFlowV2Classifier

    classifier = TensorFlowV2Classifier(
        model,
        nb_classes=10,
        input_shape=(28, 28, 1),
        loss_object=tf.keras.losses.CategoricalCrossentropy(from_logits=True),
        clip_values=(0.0, 1.0),
    )
    return _measured(model, y, _art(classifier, x, y))


def art_pytorch() -> Any:
    """ART's APGD on the same weights in PyTorch, on two threads."""
    import torch
    from art.estimators.classification import PyTorchClassifier

    model, x, y = _trained()
    torch.set_num_threads(2)
    nn = torch.nn

    class Standardise(nn.Module):
        def forward(self, x: Any) -> Any:
            return (x - MEAN) / STD

    copy = nn.Sequential(
        Standardise(),
        nn.Conv2d(1, 16, 4, 2, 1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 4, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(1568, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )
    weights = iter(torch.from_numpy(w) for w in model.get_weights())
    with torch.no_grad():
        for place in (1, 3):
            copy[place].weight[:] = next(weights).permute(3, 2, 0, 1)
            copy[place].bias[:] = next(weights)
        # Keras flattens height, width, channels; PyTorch channels, height, width.
        dense = next(weights).reshape(7, 7, 32, 128).permute(3, 2, 0, 1)
        copy[6].weight[:] = dense.reshape(128, 1568)
        copy[6].bias[:] = next(weights)
        copy[8].weight[:] = next(weights).T
        copy[8].bias[:] = next(weights)
    classifier = PyTorchClassifier(
        copy,
        nn.CrossEntropyLoss(),
        input_shape=(1, 28, 28),
        nb_classes=10,
        clip_values=(0.0, 1.0),
        device_type="cpu",
    )
    attack = _art(classifier, np.ascontiguousarray(x.transpose(0, 3, 1, 2)), y)
    return _measured(model, y, lambda: attack().transpose(0, 2, 3, 1))
