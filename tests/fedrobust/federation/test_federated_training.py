"""What knows the federation: CalFAT, DBFAT, FedProx, SCAFFOLD, FedRBN, and free AT."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from fedrobust.assembly import Experiment
from fedrobust.backend import keras, tf
from fedrobust.errors import ConfigError
from fedrobust.federation.client import client_app
from fedrobust.federation.server import serve
from fedrobust.models import CNN, MLP, build_model
from fedrobust.network import BoundModel, Network
from fedrobust.randomness import Purpose, generator
from fedrobust.run import run
from fedrobust.runtime.local import Local
from fedrobust.training import (
    DBFAT,
    CalFAT,
    FedRBN,
    FreeTraining,
    LocalTraining,
    PGDTraining,
    Schedule,
    Standard,
    Trainer,
    scaffold,
)

KEY = {"seed": 3, "round": 2, "client": 5}
SEED = tf.constant([1, 2])


class Logits(SimpleNamespace):
    """A model whose inputs are its logits, and what it knows beside."""

    def __call__(self, x, training=False):
        return tf.convert_to_tensor(x)


def mlp() -> Network:
    recipe = MLP(input_shape=[8, 8, 1], num_classes=10, hidden=[16])
    return Network(build_model(recipe, 0, (8, 8, 1)))


def train(network, objective, digits, rate=0.1, local=None, correction=None, **graph):
    trainer = Trainer(network, objective, keras.optimizers.SGD(rate), **graph)
    result, _ = trainer.train(
        network.arrays(), digits.x_train[:70], digits.y_train[:70],
        local or LocalTraining(batch_size=16), **KEY, correction=correction,
    )  # fmt: skip
    return result


def batches(digits, local=None):
    """Give the batches that ``train`` goes through."""
    rng = generator(KEY["seed"], Purpose.BATCHES, KEY["round"], KEY["client"])
    schedule = Schedule.draw(local or LocalTraining(batch_size=16), 70, rng)
    for a, b in zip(schedule.bounds[:-1], schedule.bounds[1:], strict=True):
        rows = schedule.order[a:b]
        yield digits.x_train[rows], digits.y_train[rows]


def cross_entropy(model, x, y):
    return tf.reduce_mean(
        keras.losses.sparse_categorical_crossentropy(y, model(x), from_logits=True)
    )


# --- CalFAT -----------------------------------------------------------------------


def test_calfat_gives_the_prior_back_to_the_labels():
    # Logits say nothing; the prior is 3 : 1, hence p = (3/4, 1/4).
    model = Logits(class_counts=tf.constant([3.0, 1.0]))
    z, y = np.zeros((2, 2), np.float32), np.array([0, 1])
    expected = [-np.log(3 / 4), -np.log(1 / 4)]
    for variant in ("paper", "code"):
        loss = CalFAT(variant=variant).loss(model, z, z, y)
        np.testing.assert_allclose(loss, expected, rtol=1e-5)
    # The code scales logits by 10: 3 e : 1 for a lead of 0.1.
    z = np.array([[0.1, 0]], np.float32)
    paper, code = (
        float(CalFAT(variant=v).loss(model, z, z, [0])[0]) for v in ("paper", "code")
    )
    assert paper == pytest.approx(-np.log(3 * np.exp(0.1) / (3 * np.exp(0.1) + 1)))
    assert code == pytest.approx(-np.log(3 * np.e / (3 * np.e + 1)), rel=1e-5)


def test_a_class_that_a_client_lacks_counts_as_one_image():
    model = Logits(class_counts=tf.constant([4.0, 0.0]))
    z = np.zeros((1, 2), np.float32)
    loss = CalFAT().loss(model, z, z, [0])
    np.testing.assert_allclose(loss, [-np.log(4 / 5)], rtol=1e-5)


def test_calfat_knows_the_labels_of_its_client(digits):
    # Two clients with other labels, and other images of no part in the one batch:
    # their gradients differ by the prior alone.
    local = LocalTraining(local_steps=1, batch_size=70)
    results = []
    for y in (digits.y_train[:70], np.where(np.arange(70) < 35, 0, 1)):
        trainer = Trainer(mlp(), Standard(), keras.optimizers.SGD(0.1))
        plain, _ = trainer.train(
            trainer.network.arrays(), digits.x_train[:70], y.astype(np.int32), local,
            **KEY,
        )  # fmt: skip
        calibrated = CalFAT(epsilon=0, steps=1)
        trainer = Trainer(trainer.network, calibrated, keras.optimizers.SGD(0.1))
        shifted, _ = trainer.train(
            trainer.network.arrays(), digits.x_train[:70], y.astype(np.int32), local,
            **KEY,
        )  # fmt: skip
        counts = np.bincount(y, minlength=10).clip(1)
        z = trainer.network.model(digits.x_train[:70]).numpy()
        expected = np.mean(
            keras.losses.sparse_categorical_crossentropy(
                y, z + np.log(counts), from_logits=True
            )
        )
        assert shifted.loss == pytest.approx(float(expected), rel=1e-4)
        results.append(shifted.loss - plain.loss)
    # Where a client has two classes, the prior explains most of their labels.
    assert results[1] < results[0] - 0.5


# --- DBFAT ------------------------------------------------------------------------


def test_dbfat_weighs_what_is_near_the_boundary_and_holds_to_the_global_model():
    z = np.log(np.array([[0.8, 0.2], [0.4, 0.6]], np.float32))
    y = np.array([0, 0])
    held = np.log(np.array([[0.5, 0.5], [0.4, 0.6]], np.float32))
    model = Logits(received=lambda x: tf.constant(held))
    ce = -np.log([0.8, 0.4])
    # Margins 0.6 and -0.2; KL of (1/2, 1/2) to (0.8, 0.2), and of itself.
    weights = np.exp([-0.6, 0.2])
    kl = np.array([0.5 * np.log(0.5 / 0.8) + 0.5 * np.log(0.5 / 0.2), 0])
    for alpha, beta, expected in [
        (0, 0, ce),
        (1, 0, weights / weights.mean() * ce),
        (0, 2, ce + 2 * kl),
    ]:
        loss = DBFAT(alpha=alpha, beta=beta).loss(model, z, z, y)
        np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_without_weights_and_regularisation_dbfat_is_pgd_training(digits):
    plain = {"epsilon": 0.1, "steps": 2}
    one = train(mlp(), DBFAT(alpha=0, beta=0, **plain), digits).arrays
    for name, value in train(mlp(), PGDTraining(**plain), digits).arrays.items():
        np.testing.assert_allclose(one[name], value, atol=1e-6)


def test_the_global_model_stays_what_was_received_while_the_client_trains(digits):
    local = LocalTraining(local_epochs=20, batch_size=16)
    network, moved = mlp(), {}
    for beta in (0, 10):
        objective = DBFAT(alpha=0, beta=beta, epsilon=0.1, steps=2)
        result = train(network, objective, digits, 0.05, local)
        start = network.arrays()
        moved[beta] = sum(
            float(((result.arrays[n] - start[n]) ** 2).sum()) for n in start
        )
    assert moved[10] < 0.5 * moved[0]


# --- FedProx ----------------------------------------------------------------------


def test_the_proximal_term_is_that_of_the_loss(digits):
    network = mlp()
    start = network.arrays()
    result = train(network, Standard(), digits, proximal=0.7)
    model, optimizer = network.model, keras.optimizers.SGD(0.1)
    fixed = [tf.constant(v.numpy()) for v in model.trainable_variables]
    for x, y in batches(digits):
        with tf.GradientTape() as tape:
            pairs = zip(model.trainable_variables, fixed, strict=True)
            apart = tf.add_n([tf.reduce_sum((w - w0) ** 2) for w, w0 in pairs])
            loss = cross_entropy(model, x, y) + 0.7 / 2 * apart
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(
            zip(gradients, model.trainable_variables, strict=True)
        )
    for name, value in network.arrays().items():
        np.testing.assert_allclose(result.arrays[name], value, atol=2e-6)
    network.assign(start)


# --- SCAFFOLD ---------------------------------------------------------------------


def test_variates_are_renewed_by_the_formula():
    one = {"w": np.array([1.0, 2.0], np.float32)}
    c, own = {"w": np.array([0.5, 0], np.float32)}, {"w": np.array([1, 1], np.float32)}
    y = {"w": np.array([0.0, 3.0], np.float32)}
    # (x - y) / (K eta) = (1, -1) / (5 * 0.1) = (2, -2); c_i - c = (0.5, 1).
    new = scaffold.renew(c, own, one, y, steps=5, learning_rate=0.1)
    np.testing.assert_allclose(new["w"], [2.5, -1])
    np.testing.assert_allclose(scaffold.correction(c, own)["w"], [-0.5, -1])
    # v = c + 0.4 (c_i+ - c_i) = (0.5, 0) + 0.4 (1.5, -2)
    np.testing.assert_allclose(scaffold.share(c, own, new, 0.4)["w"], [1.1, -0.8])
    assert scaffold.unpack({**one, **scaffold.pack(c)}) == c


def test_a_new_variate_is_the_mean_gradient_along_the_way(digits):
    network = mlp()
    start = network.arrays()
    rng = np.random.default_rng(0)
    c = {n: 0.01 * rng.normal(size=start[n].shape).astype(np.float32) for n in start}
    own = {n: 0.01 * rng.normal(size=start[n].shape).astype(np.float32) for n in start}
    correction = scaffold.correction(c, own)
    result = train(network, Standard(), digits, correction=correction, corrected=True)
    new = scaffold.renew(c, own, start, result.arrays, result.steps, 0.1)

    model, seen = network.model, []
    added = [correction[n] for n in network.trainable]
    for x, y in batches(digits):
        with tf.GradientTape() as tape:
            loss = cross_entropy(model, x, y)
        gradients = tape.gradient(loss, model.trainable_variables)
        seen.append([g.numpy() for g in gradients])
        for w, g, a in zip(model.trainable_variables, gradients, added, strict=True):
            w.assign_sub(0.1 * (g + a))
    for i, name in enumerate(network.trainable):
        mean = np.mean([g[i] for g in seen], axis=0)
        np.testing.assert_allclose(new[name], mean, atol=2e-5)
    network.assign(start)


def rounds_of(config):
    """Run a federation and give the arrays after each round."""
    seen = [Experiment(config).initial_arrays()]
    Local(workers=1).run(
        lambda grid: serve(
            grid,
            Experiment(config),
            lambda report, arrays, _: seen.append(arrays),
            print,
        ),
        client_app(Experiment(config)),
        config.num_clients,
    )
    return seen


def test_the_server_averages_the_variates_of_its_clients(configure):
    config = configure(
        "training=scaffold", "strategy=mean", "num_clients=4", "num_rounds=3",
        "dataset.num_train=160", "training.batch_size=20",
    )  # fmt: skip
    arrays = rounds_of(config)
    network = Experiment(config).network
    c = scaffold.unpack(arrays[1])
    assert sorted(c) == sorted(network.trainable)
    for name in network.trainable:
        # From c = c_i = 0: the mean of (x - y_i) / (K eta), with 2 steps at 0.1.
        expected = (arrays[0][name] - arrays[1][name]) / (2 * 0.1)
        np.testing.assert_allclose(c[name], expected, atol=1e-5)
    plain = rounds_of(configure(
        "training=standard", "strategy=mean", "num_clients=4", "num_rounds=3",
        "dataset.num_train=160", "training.batch_size=20",
    ))  # fmt: skip
    for name in network.trainable:
        np.testing.assert_array_equal(arrays[1][name], plain[1][name])
    assert any((arrays[2][n] != plain[2][n]).any() for n in network.trainable)


def test_control_variates_take_the_drift_out(configure, tmp_path):
    accuracy = {}
    for training in ("standard", "scaffold"):
        config = configure(
            f"training={training}", "partition=pathological", "num_clients=10",
            "strategy=mean", "num_rounds=15",
            "training.local_epochs=5", "seed=1", "evaluation.every=15",
        )  # fmt: skip
        accuracy[training] = run(config, tmp_path / training).clean_accuracy
    assert accuracy["scaffold"] > accuracy["standard"] + 0.03, accuracy


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["training=scaffold", "training.momentum=0.9"], "only one correction"),
        (["training=scaffold", "training.proximal=1"], "only one correction"),
        (
            ["training=scaffold", "training.optimizer._target_=keras.optimizers.Adam"],
            "training.optimizer",
        ),
        (["training=scaffold", "+training.optimizer.momentum=0.9"], "momentum"),
        (["training=scaffold", "centralised=true"], "training.scaffold=True"),
        (["training.fraction=1.5"], "training.fraction=1.5"),
        (["training.fraction=-0.1"], "training.fraction=-0.1"),
        (["training.proximal=-1"], "training.proximal=-1"),
        (["training.epochs_decay=0"], "training.epochs_decay=0"),
        (
            ["training=feddynat", "training.local_steps=3"],
            "must be 1 if local_steps is set",
        ),
        (["training=fedrbn", "model.norm=none"], "model.norm=none: must be dual"),
        (["training=fedrbn", "training.fraction=0"], "somebody must train"),
        (["training=fedrbn", "model=resnet"], "model.norm: there is no such key"),
        (["model=cnn", "model.norm=dual"], "model.norm=dual"),
        (["model=cnn", "model.norm=group"], "none, batch or dual"),
        (["training=free", "training.objective.replays=1"], "replays=1"),
        (["training=calfat", "training.objective.variant=x"], "paper or code"),
    ],
)
def test_what_does_not_go_together_is_refused(configure, overrides, message):
    with pytest.raises(ConfigError, match=message):
        configure(*overrides)


def test_too_few_votes_on_noise_statistics_are_told(configure):
    few = ("training=fedrbn", "num_clients=10", "training.fraction=0.2", "strategy.f=1")
    (note,) = configure(*few).notes
    assert "2 clients a round train noise statistics, no more than 2f = 2" in note
    assert not configure(*few, "training.fraction=0.3").notes
    (note,) = configure(*few, "training.fraction=0.5", "participation=0.4").notes
    assert "2 clients a round" in note


def test_what_has_no_effect_without_a_federation_is_told(configure):
    (note,) = configure("training=fedprox", "centralised=true").notes
    assert note == "training.proximal has no effect: centralised=true"


# --- FedDynAT ---------------------------------------------------------------------


def test_passes_become_fewer(configure):
    local = LocalTraining(local_epochs=4, epochs_decay=0.5, epochs_decay_every=5)
    assert [local.epochs(r) for r in (1, 5, 6, 10, 11, 15, 16, 99)] == [
        4, 4, 2, 2, 1, 1, 1, 1,
    ]  # fmt: skip
    assert [LocalTraining(local_epochs=3).epochs(r) for r in (1, 50)] == [3, 3]
    # 5, 2.5, 1.25: half is rounded up.
    odd = LocalTraining(local_epochs=5, epochs_decay=0.5)
    assert [odd.epochs(r) for r in (1, 2, 3, 4)] == [5, 3, 1, 1]


def test_a_run_follows_the_schedule(configure, tmp_path):
    config = configure(
        "training=feddynat", "num_clients=2", "num_rounds=3", "dataset.num_train=64",
        "training.epochs_decay_every=1", "training.objective.steps=1",
    )  # fmt: skip
    rows = []
    run(config, tmp_path, rows.append)
    # 32 images a client, one batch a pass; 4, 2, 1 passes.
    assert [row.train_metrics["local_steps"] for row in rows] == [4, 2, 1]


# --- free adversarial training ----------------------------------------------------


def test_an_objective_replays_by_what_it_has_and_not_by_its_base_class(digits):
    class Ascending:
        """Free training with two replays, without a base class."""

        replays = 2

        def perturb(self, model, x, y, seed):
            return tf.clip_by_value(x + model.delta, 0.0, 1.0)

        def loss(self, model, x, x_adv, y):
            return keras.losses.sparse_categorical_crossentropy(
                y, model(x_adv, training=True), from_logits=True
            )

        def advance(self, delta, gradient, round):
            return tf.clip_by_value(delta + 0.1 * tf.sign(gradient), -0.1, 0.1)

    found = train(mlp(), Ascending(), digits)
    expected = train(mlp(), FreeTraining(epsilon=0.1, replays=2), digits)
    assert found.steps == expected.steps == 2 * 5
    for name, values in expected.arrays.items():
        np.testing.assert_allclose(found.arrays[name], values, atol=1e-6)
    assert train(mlp(), Standard(), digits).steps == 5


def test_free_training_is_its_algorithm(digits):
    epsilon, replays = 0.1, 3
    network = mlp()
    start = network.arrays()
    objective = FreeTraining(epsilon=epsilon, replays=replays)
    result = train(network, objective, digits)
    assert result.steps == 5 * replays
    model = network.model
    delta = np.zeros((16, 8, 8, 1), np.float32)
    losses = []
    for x, y in batches(digits):
        for _ in range(replays):
            x_adv = tf.clip_by_value(x + delta[: len(x)], 0, 1)
            with tf.GradientTape() as tape:
                tape.watch(x_adv)
                loss = cross_entropy(model, x_adv, y)
            gradients, upwards = tape.gradient(loss, (model.trainable_variables, x_adv))
            step = epsilon * np.sign(upwards)
            delta[: len(x)] = np.clip(delta[: len(x)] + step, -epsilon, epsilon)
            for w, g in zip(model.trainable_variables, gradients, strict=True):
                w.assign_sub(0.1 * g)
            losses.append(float(loss))
    assert result.loss == pytest.approx(np.mean(losses), rel=1e-4)
    for name, value in network.arrays().items():
        np.testing.assert_allclose(result.arrays[name], value, atol=5e-6)
    network.assign(start)


def test_free_training_gives_robustness(digits):
    from fedrobust.attacks import PGD

    robust = {}
    for objective, epochs in (
        (Standard(), 16),
        (FreeTraining(epsilon=0.15, replays=4), 8),
    ):
        network = mlp()
        trainer = Trainer(network, objective, keras.optimizers.SGD(0.1))
        result, _ = trainer.train(
            network.arrays(), digits.x_train, digits.y_train,
            LocalTraining(local_epochs=epochs), **KEY,
        )  # fmt: skip
        network.assign(result.arrays)
        x_adv = PGD(epsilon=0.1, steps=20)(network.model, digits.x_test, digits.y_test)
        right = np.argmax(network.model(x_adv), axis=1) == digits.y_test
        robust[type(objective).__name__] = right.mean()
    assert robust["FreeTraining"] > robust["Standard"] + 0.1, robust


# --- FedRBN -----------------------------------------------------------------------


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


# --- a share of the clients -------------------------------------------------------


def test_a_larger_share_has_the_clients_of_a_smaller_one(configure):
    ids = {
        f: Experiment(
            configure("num_clients=10", f"training.fraction={f}")
        ).objective_clients
        for f in (0, 0.01, 0.3, 0.7, 1)
    }
    assert {f: len(found) for f, found in ids.items()} == {
        0: 0, 0.01: 1, 0.3: 3, 0.7: 7, 1: 10,
    }  # fmt: skip
    assert set(ids[0.01]) < set(ids[0.3]) < set(ids[0.7]) < set(ids[1])
    other = configure("num_clients=10", "training.fraction=0.3", "seed=1")
    assert Experiment(other).objective_clients != ids[0.3]


def test_the_others_train_clean(configure):
    config = configure("training=pgd", "num_clients=10", "training.fraction=0.3")
    ids = Experiment(config).objective_clients
    kinds = {
        client: type(Experiment(config).trainer_of_client(client, 1).objective)
        for client in range(10)
    }
    assert [c for c, kind in kinds.items() if kind is PGDTraining] == ids
    assert set(kinds.values()) == {PGDTraining, Standard}


def test_with_nobody_adversarial_it_is_standard_training(configure, tmp_path):
    small = ("num_clients=3", "num_rounds=2", "dataset.num_train=120")
    models = []
    for choice in (["training=standard"], ["training=pgd", "training.fraction=0"]):
        arrays = rounds_of(configure(*small, *choice))[-1]
        models.append(arrays)
    for name, value in models[0].items():
        np.testing.assert_array_equal(models[1][name], value)


# --- per client -------------------------------------------------------------------


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


def test_everything_here_keeps_its_bits(configure):
    for training in ("scaffold", "fedprox", "calfat", "dbfat", "free"):
        config = configure(
            f"training={training}", "num_clients=3", "num_rounds=2",
            "dataset.num_train=90", "participation=0.7",
        )  # fmt: skip
        one, two = rounds_of(config)[-1], rounds_of(config)[-1]
        for name in one:
            np.testing.assert_array_equal(one[name], two[name])
    assert dataclasses.is_dataclass(config)
