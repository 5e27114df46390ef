"""Of every model that lies, the number is right, or a check or a note names the lie."""

import warnings

import numpy as np
import pytest

from fedrobust.attacks import PGD
from fedrobust.evaluation.assessment import assess
from fedrobust.evaluation.checks import tolerance
from tests.honesty.models import CASES
from tests.honesty.truth import Perceptron, standing

EPSILON, EXAMPLES = 0.1, 200
ATTACKS = {"pgd": PGD(steps=20, restarts=2)}


@pytest.fixture(scope="module")
def truth(trained):
    """Which examples stand of the honest model: clean, and attacked."""
    x = trained.data.x_test[:EXAMPLES].reshape(-1, 64).astype(np.float64)
    y = trained.data.y_test[:EXAMPLES]
    weights = [w.astype(np.float64) for w in trained.model.get_weights()]
    model = Perceptron(*weights)
    return model.logits(x).argmax(1) == y, standing(model, x, y, EPSILON)


def is_right(accuracy, mask):
    return abs(accuracy - mask.mean()) <= tolerance(mask.mean(), len(mask))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_model_gets_a_wrong_number_in_silence(trained, truth, case):
    x, y = trained.data.x_test[:EXAMPLES], trained.data.y_test[:EXAMPLES]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = case.build(trained.model)
        found = assess(model, x, case.labels(y), ATTACKS, [EPSILON], **case.arguments)
    failed = [n for n, c in found.scores.checks.items() if c.status == "fail"]
    told = [*failed, *found.notes, *(str(w.message) for w in caught)]
    robust = found.scores.worst[repr(EPSILON)]
    right = is_right(found.scores.clean, truth[0]) and is_right(robust, truth[1])
    right = right or (case.is_another and robust < truth[1].mean())
    if case.told is None or case.also_right:
        assert right, (found.scores.clean, robust, [mask.mean() for mask in truth])
        assert failed == []
    if case.told is not None:
        assert any(case.told in each for each in told), (case.told, told)
    else:
        assert found.notes == []
        assert not any("cannot be compiled" in each for each in told)
