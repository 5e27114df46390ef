"""A surrogate: an undefended model of the same task, trained on its own.

Examples that fool it are what an attacker who knows nothing of the model would send
(Papernot, McDaniel, Goodfellow: Transferability in Machine Learning, 2016).
"""

import numpy as np

from fedrobust.backend import keras
from fedrobust.data import Split
from fedrobust.models import seeded
from fedrobust.network import Arrays, Network
from fedrobust.network.keras_errors import cause_of
from fedrobust.network.layout import layout_for
from fedrobust.randomness import Purpose, generator
from fedrobust.training.fedrbn import FedRBN
from fedrobust.training.schedule import LocalTraining
from fedrobust.training.standard import Standard
from fedrobust.training.trainer import Trainer

STEPS = 600


def train_surrogate(
    network: Network, split: Split, seed: int, steps: int = STEPS
) -> tuple[Network, Arrays]:
    """Train a copy of the architecture from fresh weights on clean images.

    Parameters
    ----------
    network
        Its architecture is taken, its weights are not.
    split
        The data set.
    seed
        Key of the weights and batches, which are no client's.
    steps
        Batches of 64.

    Raises
    ------
    ValueError
        When the architecture cannot be built anew.
    """
    key = int(generator(seed, Purpose.SURROGATE).integers(2**31))
    with seeded(key):
        try:
            model = keras.models.clone_model(network.model)
        except Exception as error:
            # Whatever a user's layers raise that cannot be made from their config.
            message = f"no surrogate can be built: {cause_of(error)}"
            raise ValueError(message) from error
    surrogate = Network(model)
    # Of two branches the one that is tested is trained, on clean images too.
    tested = FedRBN(weight=1.0, epsilon=0.0, steps=1)
    objective = tested if surrogate.branches else Standard()
    trainer = Trainer(surrogate, objective, keras.optimizers.Adam(0.001))
    local = LocalTraining(local_steps=steps, batch_size=64)
    layout = layout_for(split.x_train.shape[1:], network.model.input_shape[1:])
    x = split.x_train.reshape(-1, *layout.shape)
    trained, _ = trainer.train(
        surrogate.arrays(),
        np.ascontiguousarray(x),
        split.y_train,
        local,
        seed=key,
        round=1,
        client=0,
    )
    return surrogate, trained.arrays
