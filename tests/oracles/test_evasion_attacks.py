"""Gradient attacks without draws: CleverHans, Foolbox and ART, pixel by pixel."""

import numpy as np
import pytest

from fedrobust.attacks import BIM, FGSM, PGD
from tests.oracles.cases import SAME_L2_PIXEL, SAME_PIXEL
from tests.oracles.evasion import (
    L2_STEPS,
    MODELS,
    STEPS,
    WIDE,
    Setting,
    art_fgsm,
    art_pgd,
    cleverhans_fgsm,
    cleverhans_pgd,
    foolbox_fgsm,
    foolbox_pgd,
    tf,
    trained,
)

FGSM_PEERS = {
    "cleverhans fast_gradient_method": cleverhans_fgsm,
    "foolbox FastGradientAttack": foolbox_fgsm,
    "art FastGradientMethod": art_fgsm,
}
PGD_PEERS = {
    "cleverhans projected_gradient_descent": cleverhans_pgd,
    "foolbox PGD": foolbox_pgd,
    "art ProjectedGradientDescent": art_pgd,
}
ONE_STEP = {
    "linf": [Setting("linf", epsilon) for epsilon in (0.02, 0.1, 0.3)],
    "l2": [Setting("l2", epsilon) for epsilon in (0.25, 1.0, 2.0)],
}


def lengths(x):
    return np.linalg.norm(x.reshape(len(x), -1), axis=1)


def steep(victim):
    """Return where CleverHans brings an l2 gradient to length 1: not below 1e-6."""
    with tf.GradientTape() as tape:
        x = tf.constant(victim.x)
        tape.watch(x)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(victim.y, victim.model(x))
    return lengths(tape.gradient(loss, x).numpy()) > 1e-6


def images(name, victim, norm):
    """Return the images on which a peer's step has the length that it is told."""
    if name.startswith("cleverhans") and norm == "l2":
        return steep(victim)
    return np.full(len(victim.x), True)


def our_pgd(victim, s, **range_):
    attack = PGD(
        norm=s.norm,
        epsilon=s.epsilon,
        step_size=s.step_size,
        steps=s.steps,
        random_start=False,
        **range_,
    )
    return attack(victim.model, victim.x, victim.y)


@pytest.mark.parametrize("norm", ONE_STEP)
@pytest.mark.parametrize("name", FGSM_PEERS)
def test_fgsm_agrees(name, norm, same_pixels):
    def pairs():
        for victim in map(trained, MODELS):
            where = images(name, victim, norm)
            for s in ONE_STEP[norm]:
                attack = FGSM(norm=norm, epsilon=s.epsilon)
                ours = attack(victim.model, victim.x, victim.y)
                theirs = FGSM_PEERS[name](victim, s)
                yield (victim.name, s), ours[where], theirs[where]

    same_pixels(f"{name}, {norm}", f"FGSM(norm='{norm}')", pairs())


@pytest.mark.parametrize("name", PGD_PEERS)
def test_pgd_from_the_image_itself_agrees(name, same_pixels):
    pairs = (
        ((victim.name, s), our_pgd(victim, s), PGD_PEERS[name](victim, s))
        for victim in map(trained, MODELS)
        for s in STEPS
    )
    same_pixels(f"{name}, linf", "PGD(random_start=False)", pairs)


@pytest.mark.parametrize("name", PGD_PEERS)
def test_bim_agrees(name, same_pixels):
    def pairs():
        for victim in map(trained, MODELS):
            for s in STEPS:
                # Without a step size it is epsilon / steps, and the edge comes last.
                for step_size in (s.step_size, None):
                    attack = BIM(epsilon=s.epsilon, step_size=step_size, steps=s.steps)
                    ours = attack(victim.model, victim.x, victim.y)
                    told = s._replace(step_size=step_size or s.epsilon / s.steps)
                    yield (victim.name, told), ours, PGD_PEERS[name](victim, told)

    same_pixels(f"{name}, linf", "BIM", pairs())


def test_pgd_in_l2_agrees(same_pixels):
    pairs = (
        ((victim.name, s), our_pgd(victim, s), foolbox_pgd(victim, s))
        for victim in map(trained, MODELS)
        for s in L2_STEPS
    )
    same_pixels(
        "foolbox PGD, l2",
        "PGD(norm='l2', random_start=False)",
        pairs,
        within=SAME_L2_PIXEL,
    )


@pytest.mark.parametrize(
    "name", ["cleverhans projected_gradient_descent", "art ProjectedGradientDescent"]
)
def test_pgd_in_l2_agrees_where_nothing_is_clipped(name, same_pixels, differs):
    def pairs():
        for victim in map(trained, MODELS):
            where = images(name, victim, "l2")
            for s in L2_STEPS:
                ours = our_pgd(victim, s, model_range=WIDE)
                theirs = PGD_PEERS[name](victim, s, *WIDE)
                yield (victim.name, s), ours[where], theirs[where]

    same_pixels(
        f"{name}, l2, nothing to clip",
        "PGD(norm='l2', random_start=False)",
        pairs(),
        within=SAME_L2_PIXEL,
    )
    victim, s = trained("dense"), L2_STEPS[0]
    apart = np.abs(our_pgd(victim, s) - PGD_PEERS[name](victim, s))
    assert np.mean(apart > SAME_PIXEL) > 0.5
    differs(
        f"{name}, l2",
        "PGD(norm='l2')",
        "clips to the range before it projects to the ball, which shortens the step; "
        "Foolbox and ours project first",
    )


def test_cleverhans_leaves_short_gradients_short(differs):
    victim, s = trained("convolutional"), Setting("l2", 1.0)
    ours = FGSM(norm="l2", epsilon=1.0, model_range=WIDE)
    moved = lengths(ours(victim.model, victim.x, victim.y) - victim.x)
    np.testing.assert_allclose(moved, 1.0, rtol=1e-5)
    theirs = lengths(cleverhans_fgsm(victim, s, *WIDE) - victim.x)
    short = ~steep(victim)
    assert short.any()
    assert (theirs[short] < 0.999).all()
    np.testing.assert_allclose(theirs[~short], 1.0, rtol=1e-5)
    differs(
        "cleverhans fast_gradient_method, projected_gradient_descent, l2",
        "FGSM, PGD (norm='l2')",
        "a gradient shorter than 1e-6 is not brought to length 1, so that the images "
        f"of which a model is surest move too little: {short.sum()} of {len(short)}",
    )
