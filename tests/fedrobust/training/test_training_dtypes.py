"""Models of every dtype that Keras has train as they do in float32."""

import warnings

import numpy as np
import pytest

from fedrobust.assembly import Experiment
from fedrobust.assembly.repeatability import check_training
from fedrobust.backend import keras
from fedrobust.network import Network
from fedrobust.network.dual_norm import DualBatchNormalization
from fedrobust.one_run import run
from fedrobust.training import (
    ALP,
    DBFAT,
    MART,
    TRADES,
    AVMixup,
    CalFAT,
    FastTraining,
    FedRBN,
    FreeTraining,
    LocalTraining,
    Noise,
    PGDTraining,
    Standard,
    Trainer,
)
from tests.own_hooks import dual_model

OBJECTIVES = [
    Standard(),
    Noise(epsilon=0.1),
    PGDTraining(epsilon=0.1, steps=2),
    FastTraining(epsilon=0.1),
    FreeTraining(epsilon=0.1, replays=2),
    TRADES(epsilon=0.1, steps=2),
    MART(epsilon=0.1, steps=2),
    ALP(epsilon=0.1, steps=2),
    AVMixup(epsilon=0.1, steps=2),
    CalFAT(epsilon=0.1, steps=2),
    DBFAT(epsilon=0.1, steps=2),
]
# How near the update is to that of float32: the cosine of the angle between them.
NEAR = {
    "float64": 0.9999,
    "mixed_bfloat16": 0.95,
    "mixed_float16": 0.99,
    "float16": 0.98,
}


def network_of(policy, weights=None):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Flatten(dtype=policy),
            layers.Dense(16, activation="relu", dtype=policy),
            layers.Dense(10, dtype=policy),
        ]
    )
    if weights is not None:
        model.set_weights(weights)
    return Network(model)


@pytest.fixture(scope="module")
def start():
    keras.utils.set_random_seed(0)
    return network_of("float32").model.get_weights()


def update(policy, objective, start, digits, together=False, optimizer=None):
    network = network_of(policy, start)
    optimizer = optimizer or keras.optimizers.SGD(0.1, momentum=0.9)
    trainer = Trainer(network, objective, optimizer)
    arrays, x, y = network.arrays(), digits.x_train[:160], digits.y_train[:160]
    local = LocalTraining(local_steps=5)
    if together:
        data = {0: (x, y), 1: (x, y)}
        found = trainer.train_together(arrays, data, local, seed=0, round=1)[0]
    else:
        found, _ = trainer.train(arrays, x, y, local, seed=0, round=1, client=0)
    for name, values in found.arrays.items():
        assert values.dtype == arrays[name].dtype
    moved = [found.arrays[name] - arrays[name] for name in network.trainable]
    return np.concatenate([m.ravel().astype(np.float64) for m in moved])


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_every_objective_trains_every_dtype_as_float32(objective, start, digits):
    exact = update("float32", objective, start, digits)
    # The others would tell nothing new of objectives that call the model alike.
    all_of_them = isinstance(objective, Standard | TRADES)
    for policy in NEAR if all_of_them else ("mixed_float16",):
        near = NEAR[policy]
        found = update(policy, objective, start, digits)
        sizes = np.linalg.norm(found), np.linalg.norm(exact)
        assert found @ exact / np.prod(sizes) > near
        assert sizes[0] / sizes[1] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("policy", NEAR)
def test_clients_train_together_in_every_dtype(policy, start, digits):
    alone = update(policy, Standard(), start, digits)
    together = update(policy, Standard(), start, digits, together=True)
    np.testing.assert_allclose(together, alone, atol=2e-2 * np.abs(alone).max())


def test_a_scaled_loss_finds_the_gradients_that_float16_rounds_to_zero(start, digits):
    network = network_of("float32", start)
    trainer = Trainer(network, Standard(), keras.optimizers.SGD(0.3))
    x, y, local = (
        digits.x_train[:160],
        digits.y_train[:160],
        LocalTraining(local_epochs=60),
    )
    found, _ = trainer.train(network.arrays(), x, y, local, seed=0, round=1, client=0)
    network.assign(found.arrays)
    # Nine times as large logits are sure of every image.
    factors = (1, 1, 9, 9)
    sure = [w * k for w, k in zip(network.model.get_weights(), factors, strict=True)]

    def moved(policy, scale):
        sgd = keras.optimizers.SGD(1.0, loss_scale_factor=scale)
        return update(policy, Standard(), sure, digits, optimizer=sgd)

    exact, lost = moved("float32", None), moved("mixed_float16", None)
    scaled = moved("mixed_float16", 2.0**14)
    assert np.linalg.norm(lost) < 0.5 * np.linalg.norm(exact)
    cosine = scaled @ exact / np.linalg.norm(scaled) / np.linalg.norm(exact)
    assert cosine > 0.99


@pytest.mark.parametrize(
    "objective", [Standard(), FreeTraining(epsilon=0.1, replays=2)]
)
def test_a_power_of_two_scales_the_loss_without_changing_a_bit(
    objective, start, digits
):
    adam = keras.optimizers.Adam
    plain, scaled = (
        update(
            *("float32", objective, start, digits),
            optimizer=adam(0.01, clipnorm=0.1, loss_scale_factor=scale),
        )
        for scale in (None, 1024.0)
    )
    assert plain.any()
    np.testing.assert_array_equal(plain, scaled)


def test_only_the_gradient_of_the_loss_is_scaled_back(start, digits):
    """Not FedProx's pull, which is none in the first step and some in the next."""
    network = network_of("float32", start)
    found = [
        Trainer(
            network, Standard(), keras.optimizers.SGD(0.1, loss_scale_factor=scale),
            proximal=1.0,
        ).train(
            network.arrays(), digits.x_train[:32], digits.y_train[:32],
            LocalTraining(local_epochs=3), seed=0, round=1, client=0,
        )[0]
        for scale in (None, 1024.0)
    ]  # fmt: skip
    for plain, scaled in zip(*(f.arrays.values() for f in found), strict=True):
        np.testing.assert_array_equal(plain, scaled)
    assert found[0].loss == found[1].loss


@pytest.fixture
def half(configure):
    """A run of a model in float16, weights and all."""

    def make(*overrides):
        return configure(
            "model._target_=tests.own_hooks.half_model", "num_clients=2",
            "num_rounds=2", "dataset.num_train=80", "checks=none", *overrides,
        )  # fmt: skip

    return make


@pytest.mark.parametrize(
    "overrides",
    [
        ("training.momentum=0.9",),
        ("training=scaffold", "strategy=mean"),
        ("training=fedprox", "runtime.cohort=2"),
        ("training=trades", "attack=fgsm", "attack.samples=20"),
        ("centralised=true", "training.optimizer._target_=keras.optimizers.Adam"),
        ("strategy=fltrust", "strategy.root_examples=20"),
    ],
    ids=" ".join,
)
def test_runs_send_and_keep_weights_of_float16(overrides, half, tmp_path):
    result = run(half(*overrides), tmp_path / "run")
    assert (result.failed, result.quarantined) == (0, 0)
    start = Experiment(half(*overrides)).initial_arrays().values()
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    for before, after in zip(start, model.get_weights(), strict=True):
        assert before.dtype == after.dtype == np.float16
        assert (before != after).any()
    assert any("loss_scale_factor" in text for text in result.warnings)


def test_a_scaled_loss_and_wider_floats_raise_no_warning(half, configure):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_training(half("+training.optimizer.loss_scale_factor=1024.0"))
        check_training(configure())


@pytest.mark.parametrize("policy", ["float32", *NEAR])
@pytest.mark.parametrize(
    ("mean", "deviation"), [(10, 0.5), (0, 400)], ids=["narrow", "large"]
)
def test_a_branch_keeps_the_statistics_of_keras_own_layer(policy, mean, deviation, rng):
    """Halves are too coarse for a mean of 10, and end below a variance of 160,000."""
    x = rng.normal(mean, deviation, (64, 4)).astype(np.float32)
    dual = DualBatchNormalization(dtype=policy)
    single = keras.layers.BatchNormalization(momentum=0.9, dtype=policy)
    for training in [True] * 60 + [False]:
        found, expected = (
            np.asarray(layer(x, training=training), np.float32)
            for layer in (dual, single)
        )
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    for found, expected in (
        (dual.means[1], single.moving_mean),
        (dual.variances[1], single.moving_variance),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_both_branches_train_in_half_precision_as_in_float32(digits):
    x, y, local = digits.x_train[:96], digits.y_train[:96], LocalTraining(local_steps=3)
    start = Network(dual_model("float32")).model.get_weights()
    found = {}
    for policy in ("float32", "mixed_bfloat16", "mixed_float16"):
        network = Network(dual_model(policy))
        network.model.set_weights(start)
        objective = FedRBN(epsilon=0.1, steps=1)
        trainer = Trainer(network, objective, keras.optimizers.SGD(0.1))
        arrays = network.arrays()
        for number in (1, 2):
            trained, _ = trainer.train(
                arrays, x, y, local, seed=0, round=number, client=0
            )
            arrays = trained.arrays
        found[policy] = np.concatenate([arrays[n].ravel() for n in network.statistics])
        assert trained.loss == pytest.approx(
            found.setdefault("loss", trained.loss), 0.02
        )
    for policy in ("mixed_bfloat16", "mixed_float16"):
        error = found[policy] - found["float32"]
        assert np.linalg.norm(error) < 5e-3 * np.linalg.norm(found["float32"])
