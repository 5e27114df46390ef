"""What evasion attacks are compared on, and the peers' attacks by one signature."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest

from fedrobust.backend import keras, start_tensorflow
from fedrobust.data import Digits, Split
from fedrobust.models import CNN, build_model
from fedrobust.network import network_of
from fedrobust.training import LocalTraining, PGDTraining, Trainer

# Without the peers the tests that import this module skip, before TensorFlow loads.
fast_gradient_method = pytest.importorskip(
    "cleverhans.tf2.attacks.fast_gradient_method"
).fast_gradient_method
projected_gradient_descent = pytest.importorskip(
    "cleverhans.tf2.attacks.projected_gradient_descent"
).projected_gradient_descent
foolbox = pytest.importorskip("foolbox")
art = pytest.importorskip("art.attacks.evasion")
art_models = pytest.importorskip("art.estimators.classification")
tf = start_tensorflow()

ORDERS = {"linf": np.inf, "l2": 2}


class Setting(NamedTuple):
    """How far and by which steps; FGSM looks at epsilon alone."""

    norm: str
    epsilon: float
    step_size: float = 0.0
    steps: int = 1


class Victim(NamedTuple):
    """A Keras model that gives logits, and the images to attack it on."""

    name: str
    model: Any
    x: np.ndarray
    y: np.ndarray


MODELS = ("convolutional", "dense")
# Steps that reach the ball's edge at once, late and many times over.
STEPS = [
    Setting("linf", 0.05, 0.05, 5),
    Setting("linf", 8 / 255, 2 / 255, 20),
    Setting("linf", 0.1, 0.025, 10),
    Setting("linf", 0.3, 0.01, 40),
]
# Fewer of them: an l2 step carries the rounding of the gradient on, and where a ReLU
# bends, the next gradients are others.
L2_STEPS = [Setting("l2", 0.5, 0.125, 10), Setting("l2", 1.0, 0.25, 10)]
# No digit comes near these ends, so that nothing is clipped to the range.
WIDE = (-9.0, 9.0)


def sequential(*layers: Any) -> Any:
    return keras.Sequential([keras.Input((8, 8, 1)), *layers])


def glorot(seed: int) -> Any:
    return keras.initializers.GlorotUniform(seed=seed)


def convolutional() -> Any:
    layers = keras.layers
    return sequential(
        layers.Conv2D(8, 3, activation="relu", kernel_initializer=glorot(1)),
        layers.Conv2D(16, 3, activation="relu", kernel_initializer=glorot(2)),
        layers.Flatten(),
        layers.Dense(10, kernel_initializer=glorot(3)),
    )


def dense() -> Any:
    layers = keras.layers
    return sequential(
        layers.Flatten(),
        layers.Dense(32, activation="relu", kernel_initializer=glorot(4)),
        layers.Dense(10, kernel_initializer=glorot(5)),
    )


def fit(model: Any, data: Split) -> None:
    # The digits come shuffled, and a shuffle here would draw from a global generator.
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    model.fit(data.x_train, data.y_train, 32, epochs=5, shuffle=False, verbose=0)


def pgd_trained(data: Split) -> Any:
    recipe = CNN(input_shape=[8, 8, 1], num_classes=10, filters=[8, 16], units=32)
    model = build_model(recipe, 0, (8, 8, 1))
    network = network_of(model)
    result, _ = Trainer(
        network,
        PGDTraining(epsilon=0.1, steps=5),
        keras.optimizers.SGD(0.1, momentum=0.9),
    ).train(
        network.arrays(),
        data.x_train,
        data.y_train,
        LocalTraining(local_epochs=10),
        seed=0,
        round=1,
        client=0,
    )
    network.assign(result.arrays)
    return model


@cache
def trained(name: str) -> Victim:
    """Train a model on the digits, once; its images are the 360 of the test set."""
    data = Digits().load()
    if name == "PGD-trained":
        model = pgd_trained(data)
    else:
        model = {"convolutional": convolutional, "dense": dense}[name]()
        fit(model, data)
    return Victim(name, model, data.x_test, data.y_test)


def accuracy(victim: Victim, x: np.ndarray) -> float:
    """Measure accuracy by Keras itself."""
    return 1 - float(misclassified(victim, x).mean())


def misclassified(victim: Victim, x: np.ndarray) -> np.ndarray:
    return victim.model.predict(x, verbose=0).argmax(axis=1) != victim.y


def cleverhans_fgsm(
    victim: Victim, s: Setting, low: float = 0.0, high: float = 1.0
) -> np.ndarray:
    # Its labels default to the model's answers.
    x_adv = fast_gradient_method(
        victim.model,
        tf.constant(victim.x),
        s.epsilon,
        ORDERS[s.norm],
        clip_min=low,
        clip_max=high,
        y=tf.constant(victim.y),
    )
    return x_adv.numpy()


def cleverhans_pgd(
    victim: Victim, s: Setting, low: float = 0.0, high: float = 1.0
) -> np.ndarray:
    # Without rand_init it starts from x, which makes it BIM.
    x_adv = projected_gradient_descent(
        victim.model,
        tf.constant(victim.x),
        s.epsilon,
        s.step_size,
        s.steps,
        ORDERS[s.norm],
        clip_min=low,
        clip_max=high,
        y=tf.constant(victim.y),
    )
    return x_adv.numpy()


def foolbox_attack(
    attack: Any,
    victim: Victim,
    epsilon: float | None,
    low: float = 0.0,
    high: float = 1.0,
) -> np.ndarray:
    model = foolbox.TensorFlowModel(victim.model, (low, high), device="/CPU:0")
    # Types that are mixed are joined by a function which NumPy 2 has no more.
    x, y = tf.constant(victim.x), tf.constant(victim.y, tf.int64)
    # The first answer may lie outside of epsilon, the second does not.
    _, x_adv, _ = attack(model, x, y, epsilons=epsilon)
    return x_adv.numpy()


def foolbox_fgsm(victim: Victim, s: Setting) -> np.ndarray:
    attacks = foolbox.attacks
    kind = {"linf": attacks.LinfFastGradientAttack, "l2": attacks.L2FastGradientAttack}
    return foolbox_attack(kind[s.norm](random_start=False), victim, s.epsilon)


def foolbox_pgd(victim: Victim, s: Setting) -> np.ndarray:
    kind = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}[s.norm]
    attack = kind(abs_stepsize=s.step_size, steps=s.steps, random_start=False)
    return foolbox_attack(attack, victim, s.epsilon)


def art_classifier(
    victim: Victim, low: float = 0.0, high: float = 1.0, loss: Any = None
) -> Any:
    # Fed logits as if they were probabilities, it would climb another slope.
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return art_models.TensorFlowV2Classifier(
        victim.model,
        nb_classes=10,
        input_shape=victim.x.shape[1:],
        loss_object=loss,
        clip_values=(low, high),
    )


def art_fgsm(victim: Victim, s: Setting) -> np.ndarray:
    attack = art.FastGradientMethod(
        art_classifier(victim), norm=ORDERS[s.norm], eps=s.epsilon
    )
    return attack.generate(victim.x, victim.y)


def art_pgd(
    victim: Victim, s: Setting, low: float = 0.0, high: float = 1.0
) -> np.ndarray:
    attack = art.ProjectedGradientDescent(
        art_classifier(victim, low, high),
        norm=ORDERS[s.norm],
        eps=s.epsilon,
        eps_step=s.step_size,
        max_iter=s.steps,
        batch_size=len(victim.x),
        verbose=False,
    )
    return attack.generate(victim.x, victim.y)
