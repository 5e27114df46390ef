"""AutoAttack and its parts."""

import pytest

from fedrobust.attacks import PGD, AutoAttack, AutoAttackFast, Square
from fedrobust.evaluation.assessment import assess
from tests.fedrobust.evaluation.masked import examined, masked


def test_an_ensemble_that_overrides_on_is_attacked_as_a_whole(trained):
    class Lenient(AutoAttackFast):
        def on(self, subject):
            super().on(subject)
            return subject.x

    found = examined(trained, "honest", {"lenient": Lenient(queries=1)}, "none")
    assert found.robust["lenient"]["0.1"] == found.clean


def test_autoattack_is_not_fooled_by_scaled_logits(trained):
    x, y = trained.data.x_test[:64], trained.data.y_test[:64]
    model = masked(trained.model, "scaled")
    attacks = {"autoattack_fast": AutoAttackFast(), "pgd": PGD()}
    honest = assess(trained.model, x, y, attacks, [0.1], checks="none").scores
    hidden = assess(model, x, y, attacks, [0.1], checks="none").scores
    assert hidden.robust["pgd"]["0.1"] > honest.robust["pgd"]["0.1"] + 0.2
    gap = hidden.robust["autoattack_fast"]["0.1"]
    assert gap <= honest.robust["autoattack_fast"]["0.1"] + 0.05


def test_autoattack_is_at_or_below_each_of_its_parts(trained):
    x, y = trained.data.x_test[:128], trained.data.y_test[:128]
    ensemble = AutoAttackFast(epsilon=0.08, steps=10, targets=2, queries=100)
    names = ["apgd_ce", "apgd_t", "fab_t", "square"]
    attacks = dict(zip(names, ensemble.parts, strict=True))
    scores = assess(
        trained.model, x, y, {"whole": ensemble, **attacks}, [0.05, 0.08], checks="none"
    ).scores
    for epsilon, whole in scores.robust["whole"].items():
        parts = [scores.robust[name][epsilon] for name in names]
        assert whole == pytest.approx(scores.worst[epsilon])
        assert 0 < whole <= min(parts) < 1


def test_the_standard_budget_is_fixed():
    kinds = [type(part).__name__ for part in AutoAttack(epsilon=0.3).parts]
    assert kinds == ["APGD", "APGD", "FAB", "Square"]
    ce, targeted, fab, square = AutoAttack(epsilon=0.3).parts
    assert (ce.steps, ce.loss, ce.targeted, ce.restarts) == (100, "ce", False, 1)
    assert (targeted.steps, targeted.targets, targeted.loss) == (100, 9, "dlr")
    assert (fab.steps, fab.targets, fab.targeted, fab.restarts) == (100, 9, True, 1)
    assert isinstance(square, Square)
    assert (square.queries, square.p_init) == (5000, 0.8)
    with pytest.raises(TypeError):
        AutoAttack(epsilon=0.3, steps=10)
