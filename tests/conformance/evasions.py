"""Every evasion attack."""

from fedrobust.attacks import (
    APGD,
    BIM,
    CWL2,
    FAB,
    FFGSM,
    FGSM,
    MIM,
    PGD,
    AutoAttackFast,
    CWLinf,
    DeepFool,
    RandomNoise,
    Square,
)

ATTACKS = [
    FGSM(),
    FGSM(norm="l2"),
    FFGSM(),
    FFGSM(norm="l2"),
    BIM(steps=5),
    BIM(steps=5, norm="l2"),
    PGD(steps=5),
    PGD(steps=5, norm="l2"),
    PGD(steps=3, random_start=False),
    PGD(steps=4, loss="margin", restarts=2),
    PGD(steps=4, loss="kl"),
    MIM(steps=5),
    MIM(steps=5, norm="l2"),
    CWLinf(steps=5),
    CWL2(steps=50, search_steps=4, learning_rate=0.05),
    DeepFool(),
    DeepFool(norm="l2"),
    APGD(steps=10),
    APGD(steps=10, norm="l2", loss="dlr"),
    APGD(steps=5, loss="dlr", targeted=True, targets=2),
    FAB(steps=5),
    FAB(steps=5, norm="l2", targeted=True, targets=2, restarts=2),
    Square(queries=250),
    Square(queries=250, norm="l2"),
    AutoAttackFast(steps=5, targets=2, queries=20),
]
# Noise is a control: it need not hurt.
WITH_NOISE = [*ATTACKS, RandomNoise(restarts=2), RandomNoise(norm="l2")]
