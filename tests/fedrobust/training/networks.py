"""Small networks and their local training, for tests of the trainer."""

from fedrobust.models import MLP, build_model
from fedrobust.network import Network
from fedrobust.training import LocalTraining, Trainer

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
