"""The losses are those of the papers, and training with each gives what it promises."""

import numpy as np
import pytest

from fedrobust.attacks import PGD
from fedrobust.backend import keras, tf
from fedrobust.models import MLP, build_model
from fedrobust.network import BoundModel, Network
from fedrobust.training import (
    ALP,
    DBFAT,
    MART,
    TRADES,
    AVMixup,
    CalFAT,
    FastTraining,
    LocalTraining,
    PGDTraining,
    Standard,
    Trainer,
)

RNG = np.random.default_rng(7)
CLEAN = RNG.normal(0, 2, (6, 4)).astype(np.float32)
MOVED = (CLEAN + RNG.normal(0, 1, (6, 4))).astype(np.float32)
LABELS = np.array([0, 1, 2, 3, 0, 1], np.int32)
ROWS = np.arange(6)


def identity(x, training=False):
    """Be a model whose inputs are its logits."""
    return x


def softmax(z):
    p = np.exp(z.astype(np.float64))
    return p / p.sum(axis=1, keepdims=True)


P, Q = softmax(CLEAN), softmax(MOVED)
CE_P, CE_Q = -np.log(P[ROWS, LABELS]), -np.log(Q[ROWS, LABELS])
KL = (P * np.log(P / Q)).sum(axis=1)
RIVAL = np.where(np.eye(4)[LABELS] == 1, 0, Q).max(axis=1)


def loss_of(objective, clean=CLEAN, moved=MOVED, labels=LABELS):
    return np.asarray(objective.loss(identity, clean, moved, labels))


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        (TRADES(beta=0), CE_P),
        (TRADES(beta=6), CE_P + 6 * KL),
        (MART(beta=0), CE_Q - np.log(1 - RIVAL)),
        (
            MART(beta=5),
            CE_Q - np.log(1 - RIVAL) + 5 * KL * (1 - P[ROWS, LABELS]),
        ),
        (
            MART(beta=5, variant="code"),
            CE_Q
            - np.log(1.0001 - RIVAL + 1e-12)
            + 5
            * (P * (np.log(P) - np.log(Q + 1e-12))).sum(axis=1)
            * (1.0000001 - P[ROWS, LABELS]),
        ),
        (ALP(weight=0), (CE_P + CE_Q) / 2),
        (
            ALP(weight=0.5),
            (CE_P + CE_Q) / 2 + 0.5 * ((CLEAN - MOVED) ** 2).mean(axis=1),
        ),
        (FastTraining(), CE_Q),
        (PGDTraining(clean_share=0.5), CE_Q),
    ],
    ids=repr,
)
def test_the_loss_is_the_formula(objective, expected):
    np.testing.assert_allclose(loss_of(objective), expected, rtol=2e-5)


def test_a_vertex_mixture_is_the_formula():
    x = RNG.uniform(0, 1, (5, 4)).astype(np.float32)
    moved = np.clip(x + RNG.uniform(-0.3, 0.3, x.shape), 0, 1).astype(np.float32)
    y = np.array([3, 0, 1, 1, 2], np.int32)
    objective = AVMixup(gamma=2, lambda_clean=0.9, lambda_vertex=0.3)
    one_hot, expected = np.eye(4)[y], []
    for i, share in enumerate([0.1, 0.3, 0.5, 0.7, 0.9]):
        vertex = np.clip(x[i] + 2 * (moved[i] - x[i]), 0, 1)
        near = 0.9 * one_hot[i] + 0.1 / 3 * (1 - one_hot[i])
        far = 0.3 * one_hot[i] + 0.7 / 3 * (1 - one_hot[i])
        logits = share * x[i] + (1 - share) * vertex
        target = share * near + (1 - share) * far
        expected.append(-(target * np.log(softmax(logits[None])[0])).sum())
    np.testing.assert_allclose(loss_of(objective, x, moved, y), expected, rtol=2e-5)


def test_without_vertices_a_mixture_is_standard_training():
    plain = AVMixup(gamma=1, lambda_clean=1, lambda_vertex=1)
    x = RNG.uniform(0, 1, (6, 4)).astype(np.float32)
    np.testing.assert_allclose(
        loss_of(plain, x, x), -np.log(softmax(x)[ROWS, LABELS]), rtol=2e-5
    )


@pytest.mark.parametrize("variant", ["paper", "code"])
def test_mart_is_finite_where_a_model_is_surely_wrong(variant):
    clean = tf.constant([[200.0, 0, 0]])
    moved = tf.constant([[0.0, 200, 0]])
    with tf.GradientTape() as tape:
        tape.watch([clean, moved])
        loss = MART(variant=variant).loss(identity, clean, moved, np.array([0]))
    assert np.isfinite(loss).all()
    for gradient in tape.gradient(loss, [clean, moved]):
        assert np.isfinite(gradient).all()
    # CE is 200; the boost is -log of what the other classes have, or of 0.0001.
    boost = 200 - np.log(2) if variant == "paper" else -np.log(1e-4)
    # Float32 has 1.0001 - 1 to three digits.
    assert float(loss[0]) == pytest.approx(200 + boost, rel=1e-4)


EVERY = [
    TRADES(epsilon=0.15, steps=5),
    MART(epsilon=0.15, steps=5),
    MART(epsilon=0.15, steps=5, variant="code"),
    ALP(epsilon=0.15, steps=5),
    AVMixup(epsilon=0.15, steps=5),
    FastTraining(epsilon=0.15),
    PGDTraining(epsilon=0.15, steps=5, clean_share=0.5),
    CalFAT(epsilon=0.15, steps=5),
    DBFAT(epsilon=0.15, steps=5),
]
# A client's labels, as CalFAT wants to know them.
COUNTS = tf.constant([9.0, 1, 0, 5, 5, 5, 5, 5, 5, 0])


def network_for_digits() -> Network:
    recipe = MLP(input_shape=[8, 8, 1], num_classes=10, hidden=[32])
    return Network(build_model(recipe, 0, (8, 8, 1)))


def trained_with(objective, digits, epochs):
    network = network_for_digits()
    trainer = Trainer(network, objective, keras.optimizers.SGD(0.1))
    result, _ = trainer.train(
        network.arrays(), digits.x_train, digits.y_train,
        LocalTraining(local_epochs=epochs), seed=3, round=9, client=5,
    )  # fmt: skip
    network.assign(result.arrays)
    return network


def accuracy(network, x, y):
    return float((np.argmax(network.model(x), axis=1) == y).mean())


def robust_accuracy(network, digits):
    attack = PGD(epsilon=0.1, steps=20)
    x_adv = attack(network.model, digits.x_test, digits.y_test)
    return accuracy(network, x_adv, digits.y_test)


@pytest.fixture(scope="module")
def standard(digits):
    return trained_with(Standard(), digits, 15)


@pytest.mark.parametrize("objective", EVERY, ids=repr)
def test_training_learns_and_gives_robustness(objective, digits, standard):
    network = trained_with(objective, digits, 15)
    assert accuracy(network, digits.x_test, digits.y_test) > 0.8
    assert robust_accuracy(network, digits) > robust_accuracy(standard, digits) + 0.1


@pytest.mark.parametrize("objective", EVERY, ids=repr)
@pytest.mark.parametrize("start", ["untrained", "trained"])
def test_inputs_stay_in_their_ball_and_range(objective, start, digits, standard):
    network = standard if start == "trained" else network_for_digits()
    model = BoundModel(network, *network.split(network.arrays()), class_counts=COUNTS)
    x, y = digits.x_train[:40], digits.y_train[:40]
    x_adv = np.asarray(objective.perturb(model, x, y, tf.constant([1, 2])))
    distance = np.abs(x_adv - x).max(axis=(1, 2, 3))
    assert distance.max() <= 0.15 + 1e-6
    # Every attack but a clean share moves: KL too, which has no slope at x itself.
    assert np.median(distance) > 0.1 or isinstance(objective, PGDTraining)
    assert (distance > 0.1).mean() >= 0.5
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1


@pytest.mark.parametrize(
    "objective",
    [
        TRADES(epsilon=0.2, steps=3, warmup_rounds=4),
        MART(epsilon=0.2, steps=3, warmup_rounds=4),
        FastTraining(epsilon=0.2, warmup_rounds=4),
    ],
    ids=repr,
)
def test_epsilon_warms_up_over_rounds(objective, digits):
    network = network_for_digits()
    x, y = digits.x_train[:20], digits.y_train[:20]
    sizes = []
    for round in (0, 1, 2, 4, 9):
        model = BoundModel(network, *network.split(network.arrays()), round)
        x_adv = objective.perturb(model, x, y, tf.constant([1, 2]))
        sizes.append(np.abs(np.asarray(x_adv) - x).max())
    np.testing.assert_allclose(sizes, [0, 0.05, 0.1, 0.2, 0.2], atol=1e-3)


def test_trades_climbs_kl_and_not_cross_entropy(digits, standard):
    model = BoundModel(standard, *standard.split(standard.arrays()))
    x, y = digits.x_train[:40], digits.y_train[:40]
    seed = tf.constant([1, 2])
    one, other = (
        np.asarray(TRADES(steps=3).perturb(model, x, labels, seed))
        for labels in (y, (y + 1) % 10)
    )
    np.testing.assert_array_equal(one, other)


def test_without_kl_trades_is_standard_training(digits):
    one = trained_with(TRADES(beta=0, steps=1), digits, 1).arrays()
    for name, value in trained_with(Standard(), digits, 1).arrays().items():
        np.testing.assert_allclose(one[name], value, atol=1e-6)


def test_fast_training_is_one_step_of_pgd(digits, standard):
    model = BoundModel(standard, *standard.split(standard.arrays()))
    x, y, seed = digits.x_train[:40], digits.y_train[:40], tf.constant([1, 2])
    fast = FastTraining(epsilon=0.2).perturb(model, x, y, seed)
    pgd = PGDTraining(epsilon=0.2, steps=1, step_size=0.25).perturb(model, x, y, seed)
    np.testing.assert_array_equal(fast, pgd)
    np.testing.assert_array_equal(FastTraining(epsilon=0).perturb(model, x, y, seed), x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TRADES(beta=-1), "beta=-1"),
        (lambda: TRADES(epsilon=-1), "epsilon=-1"),
        (lambda: TRADES(random_start=False), "random_start=False"),
        (lambda: MART(beta=-1), "beta=-1"),
        (lambda: MART(variant="x"), "variant='x': must be paper or code"),
        (lambda: ALP(weight=-1), "weight=-1"),
        (lambda: AVMixup(gamma=0.5), "gamma=0.5"),
        (lambda: AVMixup(lambda_vertex=2), "lambda_vertex=2"),
        (lambda: FastTraining(relative_step=0), "relative_step=0"),
        (lambda: FastTraining(warmup_rounds=-1), "warmup_rounds=-1"),
    ],
)
def test_parameters_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()
