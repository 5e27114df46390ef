"""What Byzantine clients train on."""

import numpy as np

from fedrobust.assembly import Experiment
from tests.fedrobust.runs import Configure


def test_label_flipping_clients_train_on_flipped_labels(configure: Configure):
    config = configure("num_byzantine=2", "byzantine=label_flip")
    experiment = Experiment(config)
    split = experiment.split
    for client in range(10):
        rows, _ = experiment.client_rows(client)
        _, y = experiment.training_data(client, round=1)
        flipped = client in experiment.attackers(round=1)
        honest = split.y_train[rows]
        np.testing.assert_array_equal(y, 9 - honest if flipped else honest)
