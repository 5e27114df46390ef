"""The Flower ClientApp around a Keras model."""

import numpy as np

from fedrobust.assembly import Experiment
from fedrobust.one_run import run
from tests.fedrobust.runs import Configure, weights


def test_worker_momentum_is_kept_by_the_client(configure: Configure, tmp_path):
    """With one client, full batches and SGD it is heavy-ball momentum by hand."""
    common = ("num_clients=1", "num_rounds=3", "dataset.num_train=64",
              "training.batch_size=64", "training.local_steps=1")  # fmt: skip
    momentum = ("training.momentum=0.5",)
    for name, extra in [
        ("plain", momentum),
        ("damp", (*momentum, "training.dampening=true")),
        ("none", ()),
    ]:
        run(configure(*common, *extra), tmp_path / name)
    config = configure(*common)
    trainer = Experiment(config).trainer
    x, y = Experiment(config).training_data(0, round=1)
    for name, share in (("plain", 1.0), ("damp", 0.5)):
        arrays = Experiment(config).initial_arrays()
        buffer = {k: np.zeros_like(v) for k, v in arrays.items()}
        for round in (1, 2, 3):
            trained, _ = trainer.train(
                arrays, x, y, config.training, seed=0, round=round, client=0
            )
            for key, value in arrays.items():
                step = trained.arrays[key] - value
                buffer[key] = 0.5 * buffer[key] + share * step
            arrays = {k: v + buffer[k] for k, v in arrays.items()}
        for expected, found in zip(
            arrays.values(), weights(tmp_path / name), strict=True
        ):
            np.testing.assert_allclose(found, expected, atol=1e-6)
    plain, none = weights(tmp_path / "plain"), weights(tmp_path / "none")
    assert any((a != b).any() for a, b in zip(plain, none, strict=True))
