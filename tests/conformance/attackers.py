"""Every Byzantine attack, with what an attacker may know."""

import numpy as np

from fedrobust.byzantine import (
    ALIE,
    DBA,
    IPM,
    AttackContext,
    Collusion,
    Constant,
    DataPoisoning,
    EdgeCase,
    ExamplesInflation,
    FangFlanders,
    FangKrum,
    FangTrim,
    FreeRider,
    Gaussian,
    LabelFlip,
    LIEFlanders,
    MaskedRobustness,
    MeanSignFlip,
    Mimic,
    MinMax,
    MinMaxFlanders,
    MinSum,
    Neurotoxin,
    OptimalALIE,
    OptimalIPM,
    PixelBackdoor,
    RobustnessPoisoning,
    SignFlip,
    Tampering,
)
from strategies.rules import Median

COLLUSIONS: list[Collusion] = [
    ALIE(),
    ALIE(z=1.5, sign=1, ddof=0),
    ALIE(z=1.5, statistics="own"),
    FangFlanders(),
    FangKrum(),
    FangTrim(),
    IPM(),
    IPM(factor=2.0),
    LIEFlanders(),
    MeanSignFlip(),
    Mimic(),
    Mimic(warmup=3),
    Mimic(mode="fixed"),
    MinMax(),
    MinMax(direction="unit"),
    MinMax(direction="sign"),
    MinMaxFlanders(),
    MinSum(),
    MinSum(direction="unit"),
    MinSum(direction="sign"),
    OptimalALIE(),
    OptimalIPM(),
]
TAMPERINGS: list[Tampering] = [
    Constant(),
    Constant(value=float("nan")),
    DBA(boost=3.0),
    EdgeCase(boost=3.0),
    ExamplesInflation(),
    FreeRider(),
    FreeRider(std=1.0),
    Gaussian(),
    Gaussian(mode="add"),
    MaskedRobustness(),
    Neurotoxin(boost=3.0),
    PixelBackdoor(boost=3.0),
    RobustnessPoisoning(boost=3.0),
    SignFlip(),
]
POISONINGS: list[DataPoisoning] = [
    DBA(parts=3, width=3),
    EdgeCase(source=2),
    EdgeCase(source=2, share=0.5, tail=0.9),
    LabelFlip(),
    LabelFlip(source=1, target=2),
    Neurotoxin(),
    PixelBackdoor(),
    PixelBackdoor(share=1.0, value=0.25, size=8),
]


H, B = 12, 4


def context(honest: np.ndarray, b: int = B) -> AttackContext:
    return AttackContext(
        round=3,
        seed=1,
        own=honest[:b],
        parameters=np.zeros(honest.shape[1], np.float32),
        layers=[honest.shape[1]],
        aggregate=lambda crafted: Median()(np.concatenate([honest, crafted])).vector,
    )
