"""The clients' own evaluations in the record."""

import numpy as np
import pytest

from fedrobust.assembly import Experiment
from fedrobust.backend import keras
from fedrobust.one_run import run


def test_the_record_tells_the_worst_client_and_the_spread(configure, tmp_path):
    config = configure(
        "num_clients=4", "num_rounds=2", "partition=dirichlet", "attack=fgsm",
        "partition.holdout=0.3", "attack.epsilon=0.1",
    )  # fmt: skip
    result = run(config, tmp_path)
    federated = result.federated
    by_client = federated["by_client"]
    assert sorted(by_client) == ["0", "1", "2", "3"]
    clean = [c["clean_accuracy"] for c in by_client.values()]
    robust = [c["robust_accuracy"]["fgsm"]["0.1"] for c in by_client.values()]
    assert federated["worst_client"]["clean_accuracy"] == min(clean)
    assert federated["worst_client"]["robust_accuracy"]["fgsm"]["0.1"] == min(robust)
    assert federated["spread"]["clean_accuracy"] == pytest.approx(np.std(clean))
    assert min(clean) <= federated["clean_accuracy"] <= max(clean)
    assert federated["clients"] == 4
    # Recomputed from the stored model, on the images that client 2 held out.
    _, rows = Experiment(config).client_rows(2)
    split = Experiment(config).split
    stored = keras.saving.load_model(tmp_path / "model.keras")
    right = np.argmax(stored(split.x_train[rows]), axis=1) == split.y_train[rows]
    assert by_client["2"]["clean_accuracy"] == pytest.approx(right.mean())
