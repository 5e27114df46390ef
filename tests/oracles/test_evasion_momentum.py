"""MIM: CleverHans and ART, which follow the paper, and Foolbox, which does not."""

import numpy as np
import pytest

from fedrobust.attacks import MIM
from tests.oracles.cases import SAME_L2_PIXEL, SAME_PIXEL
from tests.oracles.evasion import (
    L2_STEPS,
    MODELS,
    ORDERS,
    STEPS,
    art,
    art_classifier,
    foolbox,
    foolbox_attack,
    tf,
    trained,
)

momentum = pytest.importorskip("cleverhans.tf2.attacks.momentum_iterative_method")


def our_mim(victim, s):
    attack = MIM(
        norm=s.norm, epsilon=s.epsilon, step_size=s.step_size, steps=s.steps, decay=1.0
    )
    return attack(victim.model, victim.x, victim.y)


def cleverhans_mim(victim, s):
    # Its checks want all of [0, 1] to be within epsilon of an image.
    x_adv = momentum.momentum_iterative_method(
        victim.model,
        tf.constant(victim.x),
        s.epsilon,
        s.step_size,
        s.steps,
        ORDERS[s.norm],
        clip_min=0.0,
        clip_max=1.0,
        y=tf.constant(victim.y),
        decay_factor=1.0,
        sanity_checks=False,
    )
    return x_adv.numpy()


@pytest.mark.parametrize("settings", [STEPS, L2_STEPS], ids=["linf", "l2"])
def test_mim_agrees(settings, same_pixels):
    pairs = (
        ((victim.name, s), our_mim(victim, s), cleverhans_mim(victim, s))
        for victim in map(trained, MODELS)
        for s in settings
    )
    norm = settings[0].norm
    same_pixels(
        f"cleverhans momentum_iterative_method, {norm}",
        f"MIM(norm='{norm}', decay=1.0)",
        pairs,
        within=SAME_PIXEL if norm == "linf" else SAME_L2_PIXEL,
    )


def test_mim_of_art_agrees_in_numpy_alone(same_pixels, differs):
    def theirs(attack, victim, s):
        # Its momentum is of one batch, so that all images go into one.
        attack = attack(
            art_classifier(victim),
            eps=s.epsilon,
            eps_step=s.step_size,
            max_iter=s.steps,
            decay=1.0,
            batch_size=len(victim.x),
            verbose=False,
        )
        return attack.generate(victim.x, victim.y)

    pairs = (
        (
            (victim.name, s),
            our_mim(victim, s),
            theirs(art.ProjectedGradientDescentNumpy, victim, s),
        )
        for victim in map(trained, MODELS)
        for s in STEPS
    )
    same_pixels(
        "art ProjectedGradientDescentNumpy(decay=1.0), linf", "MIM(decay=1.0)", pairs
    )
    with pytest.raises(NotImplementedError, match="Momentum"):
        theirs(art.MomentumIterativeMethod, trained("dense"), STEPS[0])
    differs(
        "art MomentumIterativeMethod",
        "MIM",
        "refuses a TensorFlow model; its NumPy loop, asked directly, agrees",
    )


def test_mim_of_foolbox_sums_signs(same_pixels, differs):
    published = foolbox.attacks.mi_fgsm.LinfMomentumIterativeFastGradientMethod

    class Normalised(published):
        def normalize(self, gradients, *, x, bounds):
            return gradients / gradients.abs().sum(axis=(1, 2, 3), keepdims=True)

    def theirs(attack, victim, s):
        attack = attack(momentum=1.0, abs_stepsize=s.step_size, steps=s.steps)
        return foolbox_attack(attack, victim, s.epsilon)

    pairs = (
        ((victim.name, s), our_mim(victim, s), theirs(Normalised, victim, s))
        for victim in map(trained, MODELS)
        for s in STEPS
    )
    same_pixels(
        "foolbox LinfMomentumIterativeFastGradientMethod, gradients normalised",
        "MIM(decay=1.0)",
        pairs,
    )
    victim, s = trained("convolutional"), STEPS[-1]
    apart = np.abs(our_mim(victim, s) - theirs(published, victim, s))
    other = np.mean(apart > SAME_PIXEL)
    assert other > 0.1
    differs(
        "foolbox LinfMomentumIterativeFastGradientMethod",
        "MIM",
        "sums the signs of gradients, where the paper sums gradients of L1 length 1: "
        f"another value in {other:.0%} of the pixels after {s.steps} steps",
    )
