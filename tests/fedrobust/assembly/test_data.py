"""Which client holds which rows."""

from fedrobust.assembly import Experiment
from tests.fedrobust.runs import Configure


def test_federated_evaluation_uses_images_that_nobody_trained_on(configure: Configure):
    config = configure("partition.holdout=0.25")
    for client in range(config.num_clients):
        train, held = Experiment(config).client_rows(client)
        assert not set(train) & set(held)
        assert len(held) == round(0.25 * (len(train) + len(held)))
