"""Small networks and their local training, for tests of the trainer."""

from dataclasses import dataclass

from fedrobust.backend import keras, tf
from fedrobust.models import MLP, build_model
from fedrobust.network import Network
from fedrobust.training import LocalTraining, Objective, Trainer

KEY = {"seed": 3, "round": 2, "client": 5}


def small_network(seed: int = 0) -> Network:
    recipe = MLP(input_shape=[8, 8, 1], num_classes=10, hidden=[16])
    return Network(build_model(recipe, seed, (8, 8, 1)))


def train(network, objective, optimizer, digits, local=None, **key):
    trainer = Trainer(network, objective, optimizer)
    result, state = trainer.train(
        network.arrays(),
        digits.x_train[:70],
        digits.y_train[:70],
        local or LocalTraining(batch_size=16),
        **{**KEY, **key},
    )
    return result, state


@dataclass(frozen=True, kw_only=True)
class Spy(Objective):
    """Report what the hook made: the loss is a figure of x'."""

    inner: Objective
    figure: str

    def perturb(self, model, x, y, seed):
        return self.inner.perturb(model, x, y, seed)

    def loss(self, model, x, x_adv, y):
        distance = tf.abs(x_adv - x)
        axes = [1, 2, 3]
        values = {
            "distance": tf.reduce_max(distance, axes),
            "mean": tf.reduce_mean(distance, axes),
            "low": tf.reduce_min(x_adv, axes),
            "high": tf.reduce_max(x_adv, axes),
            "moved": tf.cast(tf.reduce_max(distance, axes) > 0, tf.float32),
        }
        # A model has to have a part in it for there to be a gradient.
        return values[self.figure] + 0 * tf.reduce_sum(model(x_adv, training=True), 1)


def figure(inner, name, digits, **key):
    spy = Spy(inner=inner, figure=name)
    local = LocalTraining(batch_size=70)
    result, _ = train(
        small_network(), spy, keras.optimizers.SGD(0.1), digits, local, **key
    )
    return result.loss
