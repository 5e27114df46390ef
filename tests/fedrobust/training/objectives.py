"""Local training and short federations, for tests of the objectives."""

from types import SimpleNamespace

from fedrobust.assembly import Experiment
from fedrobust.backend import keras, tf
from fedrobust.federation.client import client_app
from fedrobust.federation.server import serve
from fedrobust.models import MLP, build_model
from fedrobust.network import Network
from fedrobust.randomness import Purpose, generator
from fedrobust.runtime.local import Local
from fedrobust.training import LocalTraining, Schedule, Trainer

KEY = {"seed": 3, "round": 2, "client": 5}
SEED = tf.constant([1, 2])


class Logits(SimpleNamespace):
    """A model whose inputs are its logits, and what it knows beside."""

    def __call__(self, x, training=False):
        return tf.convert_to_tensor(x)


def mlp() -> Network:
    recipe = MLP(input_shape=[8, 8, 1], num_classes=10, hidden=[16])
    return Network(build_model(recipe, 0, (8, 8, 1)))


def train(network, objective, digits, rate=0.1, local=None, correction=None, **graph):
    trainer = Trainer(network, objective, keras.optimizers.SGD(rate), **graph)
    result, _ = trainer.train(
        network.arrays(), digits.x_train[:70], digits.y_train[:70],
        local or LocalTraining(batch_size=16), **KEY, correction=correction,
    )  # fmt: skip
    return result


def batches(digits, local=None):
    """Return the batches that ``train`` goes through."""
    rng = generator(KEY["seed"], Purpose.BATCHES, KEY["round"], KEY["client"])
    schedule = Schedule.draw(local or LocalTraining(batch_size=16), 70, rng)
    for a, b in zip(schedule.bounds[:-1], schedule.bounds[1:], strict=True):
        rows = schedule.order[a:b]
        yield digits.x_train[rows], digits.y_train[rows]


def cross_entropy(model, x, y):
    return tf.reduce_mean(
        keras.losses.sparse_categorical_crossentropy(y, model(x), from_logits=True)
    )


def rounds_of(config):
    """Run a federation and give the arrays after each round."""
    seen = [Experiment(config).initial_arrays()]
    Local(workers=1).run(
        lambda grid: serve(
            grid,
            Experiment(config),
            lambda report, arrays, _: seen.append(arrays),
            print,
        ),
        client_app(Experiment(config)),
        config.num_clients,
    )
    return seen
