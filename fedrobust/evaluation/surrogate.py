"""A surrogate: an undefended model of the same task, trained separately.

An attacker without access to the model would send examples that fool the surrogate
(Papernot, McDaniel, Goodfellow: Transferability in Machine Learning: from Phenomena to
Black-Box Attacks using Adversarial Samples, 2016, arXiv:1605.07277).
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
    """Return a copy of the architecture, trained from fresh weights on clean images.

    Parameters
    ----------
    network
        The network whose architecture is copied, without its weights.
    split
        The data set.
    seed
        Key of the weights and batches, which differ from those of every client.
    steps
        Number of batches, of 64 images each.

    Raises
    ------
    ValueError
        When the architecture cannot be built again.
    """
    key = int(generator(seed, Purpose.SURROGATE).integers(2**31))
    with seeded(key):
        try:
            model = keras.models.clone_model(network.model)
        except Exception as error:
            # A user's layers may raise anything when built from their config.
            message = f"no surrogate can be built: {cause_of(error)}"
            raise ValueError(message) from error
    surrogate = Network(model)
    # If there are two branches, train the evaluated one, on clean images too.
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
