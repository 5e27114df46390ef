"""Quick checks of a model's outputs and gradients."""

import numpy as np
import pytest

from fedrobust.attacks import PGD, Square
from fedrobust.evaluation.quick_checks import deterministic
from tests.fedrobust.evaluation.masked import examined, failed


@pytest.mark.parametrize("kind", ["scaled", "half scaled", "quantised", "random"])
def test_even_the_fast_checks_detect_a_masked_model(trained, kind):
    scores = examined(trained, kind, {"pgd": PGD()}, checks="fast")
    assert failed(scores.checks)
    assert scores.checks["gradient_free_not_better"].status == "not_run"


def test_the_fast_checks_compare_square_alone_with_nothing(trained):
    found = examined(trained, "honest", {"square": Square(queries=10)}, "fast").checks
    assert found["gradient_free_not_better"].status == "not_run"


def test_the_loss_of_a_confident_model_increases_too(trained):
    # Margins of a thousand and more: the cross-entropy is 0 before and after.
    scores = examined(trained, "scaled", {"pgd": PGD(loss="margin")})
    assert scores.checks["loss_increases"].status == "pass"


@pytest.mark.parametrize("size", [1.0, 1e30])
def test_random_outputs_are_detected_at_any_size(size):
    rng = np.random.default_rng(0)
    calls = [(size * rng.normal(size=(4, 10))).astype(np.float32) for _ in range(3)]
    assert deterministic(calls).status == "fail"
    assert deterministic([calls[0]] * 3).status == "pass"
