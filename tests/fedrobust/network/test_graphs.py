"""A model that cannot be compiled runs step by step, says so, and gives the same."""

import numpy as np
import pytest

from fedrobust.attacks import APGD, CWL2, FGSM, MIM, PGD, DeepFool
from fedrobust.backend import keras, tf
from fedrobust.network.network import Network, cross_entropy
from fedrobust.training import (
    LocalTraining,
    Objective,
    PGDTraining,
    Standard,
    Trainer,
)


@keras.saving.register_keras_serializable("tests")
class Judging(keras.layers.Layer):
    """Looks at values, as no graph can; it changes none of them."""

    def call(self, x):
        if float(np.asarray(x).max()) < -1e9:
            raise RuntimeError("never")
        return x

    def compute_output_shape(self, shape):
        return shape


def model_with(*layers):
    init = keras.initializers.GlorotUniform
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            *layers,
            keras.layers.Conv2D(4, 3, activation="relu", kernel_initializer=init(1)),
            keras.layers.Flatten(),
            keras.layers.Dense(10, kernel_initializer=init(2)),
        ]
    )


class Broken(Judging):
    """Fails on values too."""

    def call(self, x):
        raise RuntimeError("this layer is broken")


@pytest.mark.filterwarnings("ignore:the model .* cannot be compiled")
def test_a_model_that_cannot_run_is_detected_before_the_first_round():
    trainer = Trainer(
        Network(model_with(Broken())), PGDTraining(), keras.optimizers.SGD(0.1)
    )
    with pytest.raises(RuntimeError, match="this layer is broken"):
        trainer.trace()


def test_a_model_without_a_graph_is_reported_once_in_one_sentence():
    network = Network(model_with(Judging()))
    with pytest.warns(UserWarning, match="cannot be compiled, so it runs step by step"):
        assert not network.has_graph
    assert not network.has_graph
    assert Network(model_with()).has_graph


def trained(trainer, digits):
    result, _ = trainer.train(
        trainer.network.arrays(),
        digits.x_train[:40],
        digits.y_train[:40],
        LocalTraining(batch_size=16),
        seed=0,
        round=1,
        client=0,
    )
    return result


def require_alike(compiled, eager, atol):
    assert eager.steps == compiled.steps == 3
    assert eager.loss == pytest.approx(compiled.loss, rel=1e-3)
    for a, b in zip(compiled.arrays.values(), eager.arrays.values(), strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


@pytest.mark.filterwarnings("ignore:the model .* cannot be compiled")
def test_training_gives_what_the_compiled_model_gives(digits):
    found = []
    for layers in ((), (Judging(),)):
        trainer = Trainer(
            Network(model_with(*layers)),
            PGDTraining(epsilon=0.1, steps=3),
            keras.optimizers.Adam(0.01),
        )
        trainer.trace()
        found.append(trained(trainer, digits))
    require_alike(*found, atol=1e-3)


class Looking(Objective):
    """A hook that looks at values, as no graph can; it changes none of them."""

    def perturb(self, model, x, y, seed):
        return tf.constant(x.numpy())

    def loss(self, model, x, x_adv, y):
        return cross_entropy(y, model(x_adv, training=True))


class BrokenHook(Looking):
    def perturb(self, model, x, y, seed):
        raise RuntimeError("this hook is broken")


def test_a_hook_without_a_graph_gives_what_it_would_compiled(digits):
    compiled, eager = (
        Trainer(Network(model_with()), objective, keras.optimizers.Adam(0.01))
        for objective in (Standard(), Looking())
    )
    compiled.trace()
    with pytest.warns(UserWarning, match="the local step cannot be compiled"):
        eager.trace()
    assert (compiled.has_graph, eager.has_graph) == (True, False)
    require_alike(trained(compiled, digits), trained(eager, digits), atol=1e-5)


@pytest.mark.filterwarnings("ignore:the model .* cannot be compiled")
@pytest.mark.parametrize("layers", [(), (Judging(),)], ids=["graph", "none"])
def test_a_hook_that_cannot_run_is_detected_before_the_first_round(layers):
    network = Network(model_with(*layers))
    trainer = Trainer(network, BrokenHook(), keras.optimizers.SGD(0.1))
    with pytest.raises(RuntimeError, match="this hook is broken"):
        trainer.trace()


@pytest.mark.filterwarnings("ignore:the model .* cannot be compiled")
@pytest.mark.parametrize(
    "attack",
    [
        FGSM(epsilon=0.1),
        PGD(epsilon=0.1, steps=3),
        MIM(epsilon=0.1, steps=3),
        APGD(epsilon=0.1, steps=5),
        DeepFool(epsilon=0.3, steps=3),
        CWL2(epsilon=1.0, norm="l2", steps=3, search_steps=2),
    ],
    ids=lambda attack: type(attack).__name__,
)
def test_attacks_give_what_they_give_on_the_compiled_model(digits, attack):
    x, y = digits.x_test[:20], digits.y_test[:20]
    compiled = attack(model_with(), x, y)
    eager = attack(model_with(Judging()), x, y)
    # Where a gradient is nearly zero its sign may be rounding's.
    assert np.mean(np.abs(compiled - eager) > 1e-4) < 0.02
