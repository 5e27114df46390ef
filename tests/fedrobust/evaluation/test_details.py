"""What an evaluation records beside its accuracies agrees with them."""

import numpy as np
import pytest

from fedrobust.assembly import Experiment
from fedrobust.attacks import FGSM, PGD
from fedrobust.backend import keras
from fedrobust.evaluation.assessment import assess
from fedrobust.evaluation.details import first_of_classes
from fedrobust.evaluation.evaluator import Evaluator
from fedrobust.network import network_of
from fedrobust.network.inference import predict
from tests.fedrobust.evaluation.masked import examples


@pytest.fixture(scope="module")
def found(trained):
    attacks = {"fgsm": FGSM(), "pgd": PGD(steps=5)}
    return assess(trained.model, *examples(trained, 90), attacks, [0.05, 0.15])


def test_confusion_by_hand(linear):
    # Margins 2 w.x of 0.2, 0.6 and -0.4 (a mistake); see the test of the evaluator.
    x = np.array([[0.1, 0, 0, 0], [0.3, 0, 0, 0], [0, 0.1, 0, 0]], np.float32)
    network = network_of(linear)
    evaluate = Evaluator(network, x, np.zeros(3, np.int32), {"f": FGSM()}, [0.0, 0.05])
    details = evaluate(network.arrays()).details
    assert details is not None
    assert details.clean == [[2, 1], [0, 0]]
    assert details.robust["f"] == {"0.0": [[2, 1], [0, 0]], "0.05": [[1, 2], [0, 0]]}
    assert details.measures["worst"]["0.05"]["class_accuracy"] == [1 / 3, None]
    assert details.examples["rows"].tolist() == [0]
    assert details.examples["answers/f/0.05"].tolist() == [1]


def test_matrices_and_measures_agree_with_the_accuracies(found):
    scores, details = found.scores, found.scores.details
    n, counts = scores.num_examples, np.bincount(found.y, minlength=10)
    matrices = {scores.clean: details.clean}
    for name, curve in scores.robust.items():
        matrices |= {share: details.robust[name][e] for e, share in curve.items()}
    assert len(set(matrices)) > 2
    for accuracy, matrix in matrices.items():
        assert np.trace(matrix) == round(accuracy * n)
        assert np.sum(matrix, axis=1).tolist() == counts.tolist()
    shares = {"clean": scores.clean, **scores.worst}
    measures = {"clean": details.measures["clean"], **details.measures["worst"]}
    for key, accuracy in shares.items():
        by_class = np.array(measures[key]["class_accuracy"], float)
        assert by_class @ counts / n == pytest.approx(accuracy)
        assert measures[key]["balanced_accuracy"] == pytest.approx(by_class.mean())


def test_examples_are_the_first_of_each_class(found, trained):
    kept = found.scores.details.examples
    assert kept["y"].tolist() == list(range(10))
    for label, row in enumerate(kept["rows"]):
        assert row == np.flatnonzero(found.y == label)[0]
    np.testing.assert_array_equal(kept["x"], found.x[kept["rows"]])
    network = network_of(trained.model)
    for (name, epsilon), x_adv in found.adversarial.items():
        shown = kept[f"adversarial/{name}/{epsilon}"]
        np.testing.assert_array_equal(shown, x_adv[kept["rows"]])
        answers = predict(network, network.arrays(), shown)
        np.testing.assert_array_equal(kept[f"answers/{name}/{epsilon}"], answers)


def test_at_most_ten_classes_are_shown():
    assert first_of_classes(np.arange(24)[::-1] // 2).tolist() == [*range(22, 3, -2)]
    assert first_of_classes(np.array([3, 1, 3])).tolist() == [1, 0]


def test_a_model_that_is_always_wrong_has_details(linear):
    x = np.array([[0, 0.1, 0, 0]], np.float32)
    network = network_of(linear)
    evaluate = Evaluator(network, x, np.zeros(1, np.int32), {"f": FGSM()}, [0.1])
    details = evaluate(network.arrays()).details
    assert details is not None
    assert details.robust == {"f": {"0.1": [[0, 1], [0, 0]]}}
    np.testing.assert_array_equal(details.examples["adversarial/f/0.1"], x)


def test_only_the_evaluation_of_the_test_set_has_details(configure):
    experiment = Experiment(configure("attack=fgsm", "attack.samples=20"))
    arrays, split = experiment.initial_arrays(), experiment.split
    scores = experiment.evaluator()(arrays)
    assert scores.details is not None
    assert scores.loss == scores.details.measures["clean"]["loss"] > 0
    own = experiment.evaluator(split.x_train[:20], split.y_train[:20])
    assert own(arrays).details is None


def test_without_attacks_there_are_no_examples(configure):
    experiment = Experiment(configure("attack.samples=20"))
    details = experiment.evaluator()(experiment.initial_arrays()).details
    assert details is not None
    assert details.measures["worst"] == details.robust == details.examples == {}


@pytest.mark.parametrize("end", [None, "softmax"])
def test_probabilities_are_those_of_the_users_own_model(end):
    # Its logits are close together, so the attacked ones are multiplied.
    x = np.random.default_rng(0).uniform(size=(40, 6)).astype(np.float32)
    y = (np.arange(40) % 3).astype(np.int32)
    dense = keras.layers.Dense(3, activation=end, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((6,)), dense])
    kernel = np.random.default_rng(1).normal(0, 0.1, (6, 3))
    dense.set_weights([kernel, np.zeros(3)])
    found = assess(model, x, y, {"fgsm": FGSM()}, [0.1], checks="none")
    assert any("multiplied by" in note for note in found.notes)
    details = found.scores.details
    assert details is not None
    outputs = np.asarray(model(x), np.float64)
    p = outputs if end else np.exp(outputs) / np.exp(outputs).sum(1, keepdims=True)
    expected = -np.log(p[np.arange(40), y]).mean()
    assert details.measures["clean"]["loss"] == pytest.approx(expected, rel=1e-5)


def test_a_model_of_one_output_has_the_area_and_loss_of_its_sigmoid():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(size=(60, 4)).astype(np.float32), rng.integers(0, 2, 60)
    dense = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Sequential([keras.Input((4,)), dense])
    dense.set_weights([rng.normal(0, 4, (4, 1)), np.zeros(1)])
    p = np.asarray(model(x), np.float64)[:, 0]
    found = assess(model, x, y, {"fgsm": FGSM()}, [0.1], checks="none").scores.details
    assert found is not None
    pairs = [(a > b) + (a == b) / 2 for a in p[y == 1] for b in p[y == 0]]
    assert found.measures["clean"]["auc"] == pytest.approx(np.mean(pairs))
    expected = -np.log(np.where(y == 1, p, 1 - p)).mean()
    assert found.measures["clean"]["loss"] == pytest.approx(expected, rel=1e-4)


def test_outputs_that_are_not_finite_leave_accuracies_and_no_probability():
    # The output for class 1 overflows where the first value is 1.
    dense = keras.layers.Dense(2)
    model = keras.Sequential([keras.Input((2,)), dense])
    dense.set_weights([np.array([[0, 3e38], [1, 0]]), np.array([0, 3e38])])
    x = np.array([[0, 0.5], [1, 0.5], [1, 0]], np.float32)
    network = network_of(model)
    y = np.array([1, 1, 0], np.int32)
    evaluate = Evaluator(network, x, y, {"f": FGSM()}, [0.0], checks="none")
    scores = evaluate(network.arrays())
    assert scores.details is not None
    assert (scores.clean, scores.loss) == (pytest.approx(1 / 3), None)
    assert scores.details.clean == [[0, 0], [0, 1]]
    assert scores.details.robust["f"]["0.0"] == [[0, 0], [0, 1]]
    assert scores.details.measures["clean"] == {
        "macro_f1": pytest.approx((0 + 2 / 3) / 2),
        "balanced_accuracy": 0.25,
        "class_accuracy": [0.0, 0.5],
        "calibration_error": None,
        "loss": None,
        "auc": None,
    }
