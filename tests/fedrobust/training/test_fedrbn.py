"""FedRBN: each branch of the normalisation keeps statistics of its own."""

import numpy as np
import pytest

from fedrobust.assembly import Experiment
from fedrobust.backend import keras, tf
from fedrobust.models import CNN, build_model
from fedrobust.network import BoundModel, Network
from fedrobust.one_run import run
from fedrobust.training import FedRBN, Standard
from tests.fedrobust.training.objectives import mlp, train


def dual_cnn() -> Network:
    recipe = CNN(
        input_shape=[8, 8, 1], num_classes=10, filters=[4, 6], units=12, norm="dual"
    )
    return Network(build_model(recipe, 0, (8, 8, 1)))


def statistics(network, arrays, kind):
    return np.concatenate([arrays[n] for n in network.statistics if f"/{kind}_" in n])


def test_each_branch_keeps_statistics_of_its_own(digits):
    network = dual_cnn()
    start = network.arrays()
    assert len(network.statistics) == 8
    assert len(network.optional_statistics) == 4
    standard = train(network, Standard(), digits).arrays
    assert (statistics(network, standard, "clean") != statistics(
        network, start, "clean")).all()  # fmt: skip
    np.testing.assert_array_equal(
        statistics(network, standard, "noise"), statistics(network, start, "noise")
    )
    both = train(network, FedRBN(epsilon=0.2, steps=2), digits).arrays
    clean, noise = (statistics(network, both, kind) for kind in ("clean", "noise"))
    assert (clean != statistics(network, start, "clean")).all()
    assert (noise != clean).all()


def test_a_branch_normalises_by_its_statistics(digits):
    from fedrobust.network.dual_norm import DualBatchNormalization

    layer = DualBatchNormalization(epsilon=0.5, momentum=0.75)
    layer.build((None, 2))
    for variable, value in [
        (layer.gamma, [2.0, 1.0]), (layer.beta, [0.0, 1.0]),
        (layer.means[0], [1.0, 1.0]), (layer.variances[0], [3.5, 0.5]),
        (layer.means[1], [0.0, 3.0]), (layer.variances[1], [0.5, 3.5]),
    ]:  # fmt: skip
        variable.assign(value)
    x = tf.constant([[3.0, 3.0]])
    # 2 (3 - 1) / sqrt(4), (3 - 1) / 1 + 1; then 2 (3 - 0) / 1, (3 - 3) / 2 + 1.
    for branch, expected in ((0, [2.0, 3.0]), (1, [6.0, 1.0])):
        layer.branch.assign(branch)
        np.testing.assert_allclose(layer(x)[0], expected, rtol=1e-5)
    # In training by the batch: mean 4, variance 1, of which a quarter is remembered.
    out = layer(tf.constant([[3.0, 3.0], [5.0, 5.0]]), training=True)
    np.testing.assert_allclose(out[0], [-2 / np.sqrt(1.5), 1 - 1 / np.sqrt(1.5)], 1e-5)
    np.testing.assert_allclose(layer.means[1], [1.0, 3.25])
    np.testing.assert_allclose(layer.variances[1], [0.625, 2.875])
    np.testing.assert_allclose(layer.means[0], [1.0, 1.0])


def test_the_loss_mixes_both_branches(digits):
    network = dual_cnn()
    x, y = digits.x_train[:30], digits.y_train[:30]
    values = {}
    for weight in (0.0, 0.25, 1.0):
        model = BoundModel(network, *network.split(network.arrays()))
        loss = FedRBN(weight=weight).loss(model, x, 1 - x, y)
        values[weight] = np.asarray(loss)
    mixed = 0.75 * values[0.0] + 0.25 * values[1.0]
    np.testing.assert_allclose(values[0.25], mixed, rtol=1e-5)
    assert (values[0.0] != values[1.0]).any()


def test_the_surrogate_of_a_model_with_branches_is_trained_where_it_is_tested(digits):
    from fedrobust.evaluation.surrogate import train_surrogate
    from fedrobust.network.inference import predict

    network, arrays = train_surrogate(dual_cnn(), digits, seed=0, steps=300)
    right = predict(network, arrays, digits.x_test) == digits.y_test
    assert right.mean() > 0.8


def test_a_model_without_branches_is_told(digits):
    with pytest.raises(
        ValueError, match=r"no branches: use model=cnn model\.norm=dual"
    ):
        train(mlp(), FedRBN(steps=1), digits)


def test_a_stored_model_is_tested_on_noise(configure, tmp_path):
    config = configure(
        "model=cnn", "training=fedrbn", "training.fraction=0.5",
        "num_clients=4", "num_rounds=4", "training.objective.warmup_rounds=0",
        "training.objective.steps=2", "attack=fgsm", "attack.epsilon=0.1",
        "strategy=mean",
    )  # fmt: skip
    result = run(config, tmp_path)
    stored = keras.saving.load_model(tmp_path / "model.keras")
    split = Experiment(config).split
    accuracy = np.mean(np.argmax(stored(split.x_test), axis=1) == split.y_test)
    assert result.clean_accuracy == pytest.approx(accuracy)
    assert len(result.objective_clients) == 2
    noise = [v for v in stored.weights if v.path.endswith("noise_mean")]
    assert all(np.abs(v).max() > 0 for v in noise), "nobody had a vote"
