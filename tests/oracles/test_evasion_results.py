"""Attacks that draw, adapt or search: ART and Foolbox, by what they reach."""

import numpy as np
import pytest

from fedrobust.attacks import APGD, CWL2, DeepFool, Square
from fedrobust.attacks.base import distances
from fedrobust.attacks.losses import dlr
from tests.oracles.evasion import (
    ORDERS,
    WIDE,
    accuracy,
    art,
    art_classifier,
    foolbox,
    foolbox_attack,
    misclassified,
    tf,
    trained,
)

# No attack that looks for the nearest example is held to a ball.
ANYWHERE = 100.0


class DLR:
    """Our DLR as ART takes losses. Its own walks over a batch in Python: minutes."""

    reduction = "mean"

    def __call__(self, y_true, y_pred):
        values = dlr(tf.argmax(y_true, axis=1), y_pred)
        return values if self.reduction == "none" else tf.reduce_mean(values)


def art_apgd(victim, norm, epsilon, loss=None, **settings):
    np.random.seed(0)  # noqa: NPY002
    # Its step defaults to 0.1, whatever epsilon; in the paper it is twice epsilon.
    return art.AutoProjectedGradientDescent(
        art_classifier(victim, loss=loss),
        norm=ORDERS[norm],
        eps=epsilon,
        eps_step=2 * epsilon,
        max_iter=100,
        batch_size=len(victim.x),
        verbose=False,
        **settings,
    )


@pytest.mark.parametrize(
    ("name", "loss", "norm", "epsilons"),
    [
        ("convolutional", "ce", "linf", (0.05, 0.1, 0.15)),
        ("PGD-trained", "ce", "linf", (0.05, 0.1, 0.2)),
        ("convolutional", "ce", "l2", (0.5,)),
        ("PGD-trained", "ce", "l2", (0.5,)),
        ("convolutional", "dlr", "linf", (0.1,)),
        ("PGD-trained", "dlr", "linf", (0.1,)),
    ],
)
def test_apgd_reaches_what_art_reaches(name, loss, norm, epsilons, reached):
    # Five starts, as ART makes unless told otherwise: of one, the draw alone decides
    # two points.
    victim = trained(name)
    for epsilon in epsilons:
        attack = APGD(norm=norm, epsilon=epsilon, loss=loss, steps=100, restarts=5)
        ours = accuracy(victim, attack(victim.model, victim.x, victim.y))
        theirs = art_apgd(victim, norm, epsilon, DLR() if loss == "dlr" else None)
        theirs = accuracy(victim, theirs.generate(victim.x, victim.y))
        # At most a point weaker. It may be stronger: ART judges the last point of a
        # climb alone, where the paper keeps the best.
        assert -0.02 <= ours - theirs <= 0.01, (epsilon, ours, theirs)
        reached(
            "art AutoProjectedGradientDescent" + (", our dlr" if loss == "dlr" else ""),
            f"APGD(norm='{norm}', loss='{loss}')",
            f"robust accuracy of the {name} model, {norm} {epsilon:g}",
            theirs,
            ours,
        )


def test_dlr_agrees(agree):
    def pairs():
        for name in ("convolutional", "dense", "PGD-trained"):
            victim = trained(name)
            attack = art_apgd(victim, "linf", 0.1, loss_type="difference_logits_ratio")
            loss = attack.estimator.loss_object
            loss.reduction = "none"
            logits = victim.model(victim.x)
            theirs = loss(tf.one_hot(victim.y, 10), logits).numpy()
            yield name, dlr(victim.y, logits).numpy(), theirs

    agree(
        "art AutoProjectedGradientDescent(loss_type='difference_logits_ratio'), loss",
        "dlr",
        pairs(),
    )


def art_square(victim, epsilon, queries):
    np.random.seed(0)  # noqa: NPY002
    attack = art.SquareAttack(
        art_classifier(victim),
        eps=epsilon,
        max_iter=queries,
        p_init=0.8,
        batch_size=len(victim.x),
        verbose=False,
    )
    # It stretches the schedule of the windows to the number of queries. AutoAttack and
    # we go by that of 10,000.
    longer = art.SquareAttack(art_classifier(victim), max_iter=10_000, p_init=0.8)
    share = longer._get_percentage_of_elements
    assert attack._get_percentage_of_elements(queries // 2) < share(queries // 2)
    attack._get_percentage_of_elements = share
    return attack.generate(victim.x, victim.y)


randint = np.random.randint


def with_last(low, high):
    """Draw a position of ART's windows, which end before the last row and column."""
    return randint(low, high + 1)


def test_square_reaches_what_art_reaches(reached, differs, monkeypatch):
    queries, epsilon = 1000, 0.1
    for name in ("convolutional", "PGD-trained"):
        victim = trained(name)
        attack = Square(epsilon=epsilon, queries=queries)
        ours = accuracy(victim, attack(victim.model, victim.x, victim.y))
        as_published = art_square(victim, epsilon, queries)
        left_out(as_published, victim, epsilon)
        with monkeypatch.context() as patch:
            patch.setattr(np.random, "randint", with_last)
            theirs = accuracy(victim, art_square(victim, epsilon, queries))
        # Two samples of a random search, on 360 images.
        assert abs(ours - theirs) <= 0.04, (name, ours, theirs)
        assert ours < accuracy(victim, as_published)
        reached(
            "art SquareAttack, our positions and schedule",
            f"Square(queries={queries})",
            f"robust accuracy of the {name} model, linf {epsilon:g}",
            theirs,
            ours,
        )
    differs(
        "art SquareAttack",
        "Square",
        "windows never cover the last row and column, and shrink sooner when there are "
        "fewer queries than 10,000",
    )


def left_out(x_adv, victim, epsilon):
    """Hold that a last column is as the start made it: x, or one sign throughout."""
    last, x = x_adv[:, :, -1], victim.x[:, :, -1]
    starts = [x, np.clip(x + epsilon, 0, 1), np.clip(x - epsilon, 0, 1)]
    same = [np.isclose(last, start, atol=1e-6).all(axis=(1, 2)) for start in starts]
    assert np.any(same, axis=0).all()


FOOLBOX_DEEPFOOL = {
    "l2": foolbox.attacks.L2DeepFoolAttack,
    "linf": foolbox.attacks.LinfDeepFoolAttack,
}


def found(victim, x_adv):
    """Return which images were right before and are wrong now."""
    return ~misclassified(victim, victim.x) & misclassified(victim, x_adv)


@pytest.mark.parametrize("name", ["convolutional", "dense", "PGD-trained"])
@pytest.mark.parametrize("norm", FOOLBOX_DEEPFOOL)
def test_deepfool_is_as_near_as_that_of_foolbox(norm, name, reached):
    # In a range where nothing is clipped, which they do at other times.
    victim = trained(name)
    attack = DeepFool(norm=norm, epsilon=ANYWHERE, model_range=WIDE)
    ours = attack(victim.model, victim.x, victim.y)
    theirs = foolbox_attack(FOOLBOX_DEEPFOOL[norm](), victim, None, *WIDE)
    right = ~misclassified(victim, victim.x)
    np.testing.assert_array_equal(found(victim, theirs), right)
    # Foolbox looks whether it arrived beyond the overshoot, we before it, as the paper:
    # where the boundary bends, the last 2 % of the way can lead back over it.
    both = found(victim, ours) & right
    assert both.sum() >= 0.99 * right.sum()
    mine, other = (
        float(np.median(distances(x_adv, victim.x, norm)[both]))
        for x_adv in (ours, theirs)
    )
    # Foolbox linearises beyond the boundary, at the point that it overshoots to, we at
    # the boundary, as the paper: the overshoot of 2 % is what they may be apart, and
    # what a bent boundary adds to it.
    assert abs(mine / other - 1) <= 0.03, (mine, other)
    reached(
        f"foolbox {FOOLBOX_DEEPFOOL[norm].__name__}, nothing to clip",
        f"DeepFool(norm='{norm}')",
        f"median distance to the {name} model's boundary",
        other,
        mine,
    )


@pytest.mark.parametrize("norm", FOOLBOX_DEEPFOOL)
def test_deepfool_finds_in_the_range_what_foolbox_finds(norm):
    # Both clip each step; how far they go there depends on where they were clipped.
    victim = trained("convolutional")
    ours = DeepFool(norm=norm, epsilon=ANYWHERE)(victim.model, victim.x, victim.y)
    theirs = foolbox_attack(FOOLBOX_DEEPFOOL[norm](), victim, None)
    right = ~misclassified(victim, victim.x)
    np.testing.assert_array_equal(found(victim, theirs), right)
    np.testing.assert_array_equal(found(victim, ours), right)


def test_carlini_wagner_agrees(reached, differs):
    victim = trained("PGD-trained")
    victim = victim._replace(x=victim.x[:100], y=victim.y[:100])
    attack = CWL2(epsilon=ANYWHERE, steps=200, search_steps=9)
    ours = attack(victim.model, victim.x, victim.y)
    # It would stop where the sum over the batch makes no progress.
    peer = foolbox.attacks.L2CarliniWagnerAttack(
        binary_search_steps=9, steps=200, abort_early=False
    )
    theirs = foolbox_attack(peer, victim, None)
    black = (theirs == 0).all(axis=(1, 2, 3))
    unmoved = (ours == victim.x).all(axis=(1, 2, 3)) & ~misclassified(victim, victim.x)
    assert black.any()
    np.testing.assert_array_equal(black, unmoved)
    differs(
        "foolbox L2CarliniWagnerAttack",
        "CWL2",
        f"where it finds nothing, {black.sum()} of {len(black)} images here, its "
        "answer is a black image, which may count as a success; ours is x",
    )
    compared = ~black & ~misclassified(victim, victim.x)
    mine, other = (
        distances(x_adv, victim.x, "l2")[compared] for x_adv in (ours, theirs)
    )
    # The same descent, of which 200 steps of Adam carry the rounding on.
    np.testing.assert_allclose(mine, other, rtol=0.01)
    reached(
        "foolbox L2CarliniWagnerAttack",
        "CWL2(steps=200)",
        "median distance to the PGD-trained model's boundary",
        float(np.median(other)),
        float(np.median(mine)),
    )
