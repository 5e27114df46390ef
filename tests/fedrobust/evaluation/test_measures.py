"""Measures of classes, calibration and ranking, worked by hand."""

import math
import warnings

import numpy as np
import pytest

from fedrobust.evaluation.measures import (
    area_under_curve,
    calibration_error,
    class_measures,
    clean_measures,
    confusion,
    mean_loss,
    worst_answers,
)
from fedrobust.network.inference import labels_of


@pytest.fixture(autouse=True)
def _no_warning():
    # A warning during an evaluation would be recorded as one about its numbers.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def logits_for(probabilities):
    """Return two logits that give these probabilities of class 1."""
    p = np.asarray(probabilities)
    return np.stack([np.zeros(len(p)), np.log(p / (1 - p))], axis=1)


def test_f1_and_accuracy_of_classes_by_hand():
    y, answers = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 0])
    # Class 0: TP 1, FP 1, FN 1. Class 1: TP 2, FP 1. Class 2 is never predicted.
    found = class_measures(y, answers, 3)
    assert found["macro_f1"] == pytest.approx((2 / 4 + 4 / 5 + 0) / 3)
    assert found["balanced_accuracy"] == pytest.approx((0.5 + 1 + 0) / 3)
    assert found["class_accuracy"] == [0.5, 1.0, 0.0]
    assert confusion(y, answers, 3) == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]


def test_a_class_without_an_example_is_in_no_mean():
    y, answers = np.array([0, 0, 2]), np.array([0, 1, 2])
    found = class_measures(y, answers, 4)
    assert found["class_accuracy"] == [0.5, None, 1.0, None]
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["balanced_accuracy"] == pytest.approx(0.75)
    assert confusion(y, answers, 4)[1] == [0, 0, 0, 0]


def test_an_output_that_is_not_finite_is_wrong_and_no_class():
    y = np.array([0, 1, 1])
    logits = np.array([[1, 0], [np.nan, 9], [0, np.inf]], np.float32)
    found = clean_measures(y, labels_of(logits), logits)
    assert found["class_accuracy"] == [1.0, 0.0]
    # Class 0 has no false positive by them.
    assert found["macro_f1"] == pytest.approx((1 + 0) / 2)
    assert confusion(y, labels_of(logits), 2) == [[1, 0], [0, 0]]
    assert [found[key] for key in ("loss", "calibration_error", "auc")] == [None] * 3


def test_the_calibration_error_by_hand():
    # Two examples of confidence 0.9, one of them right, and two of 0.7, both right.
    y = np.array([1, 0, 1, 0])
    logits = logits_for([0.9, 0.9, 0.7, 0.3])
    expected = 2 / 4 * (0.9 - 0.5) + 2 / 4 * (1 - 0.7)
    assert calibration_error(y, logits) == pytest.approx(expected)
    # Within a bin, too much and too little confidence cancel: 0.88 and 0.92.
    one_bin = logits_for([0.88, 0.92])
    assert calibration_error(np.array([1, 1]), one_bin) == pytest.approx(0.1)
    assert calibration_error(np.array([1]), np.array([[0.0, 1000.0]])) == 0
    assert calibration_error(np.array([0]), np.array([[0.0, 1000.0]])) == 1


def test_the_calibration_error_is_the_sum_over_bins():
    rng = np.random.default_rng(0)
    y, logits = rng.integers(0, 5, 400), rng.normal(0, 3, (400, 5))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = 0.0
    for low in range(15):
        inside = (p.max(axis=1) > low / 15) & (p.max(axis=1) <= (low + 1) / 15)
        if inside.any():
            right = (p.argmax(axis=1) == y)[inside].mean()
            expected += inside.mean() * abs(right - p.max(axis=1)[inside].mean())
    assert calibration_error(y, logits) == pytest.approx(expected)


def test_the_loss_by_hand():
    logits = logits_for([0.5, 0.25])
    expected = (math.log(2) + math.log(4)) / 2
    assert mean_loss(np.array([0, 1]), logits) == pytest.approx(expected)
    # Where float32 would overflow.
    huge = np.array([[3e38, -3e38]], np.float32)
    assert mean_loss(np.array([1]), huge) == pytest.approx(6e38)
    assert mean_loss(np.array([2]), huge) is None


def test_the_area_under_the_curve_by_hand():
    # Of the four pairs of a positive and a negative, three are in order.
    y, logits = np.array([0, 0, 1, 1]), logits_for([0.1, 0.4, 0.35, 0.8])
    assert area_under_curve(y, logits) == 0.75
    assert area_under_curve(y, np.zeros((4, 2))) == 0.5
    assert area_under_curve(np.array([1, 1]), np.zeros((2, 2))) is None


def test_only_two_classes_have_an_area():
    y = np.array([0, 1])
    assert "auc" in clean_measures(y, y, np.eye(2))
    assert "auc" not in clean_measures(y, y, np.eye(3)[:2])


def test_the_worst_case_has_the_answer_of_the_first_attack_that_breaks():
    y = np.array([0, 0, 0, 0])
    clean = np.array([0, 0, 0, 2])
    first, second = np.array([0, 1, 0, 2]), np.array([0, 2, -1, 2])
    worst = worst_answers(y, clean, [first, second])
    assert worst.tolist() == [0, 1, -1, 2]
    assert clean.tolist() == [0, 0, 0, 2]
