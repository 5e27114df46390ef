"""Every rule and pre-aggregator, with what its definition promises."""

from dataclasses import dataclass

import numpy as np

from strategies.preaggregators import ARC, NNM, Bucketing, Clipping, Groups
from strategies.rules import (
    CAF,
    CGE,
    FLAME,
    FLANDERS,
    LASA,
    MDA,
    RLR,
    SFAT,
    SMEA,
    Bulyan,
    CenteredClipping,
    DnC,
    FLDetector,
    FLTrust,
    FoolsGold,
    GeometricMedian,
    Krum,
    MeaMed,
    Mean,
    Median,
    MoNNA,
    MultiKrum,
    NormClipping,
    Phocas,
    Rule,
    RuleContext,
    SignGuard,
    SignMajority,
    TrimmedMean,
)

N, F = 11, 2


@dataclass(frozen=True)
class Member:
    """A rule with what it promises.

    Attributes
    ----------
    any_order
        Without client ids, a permutation of tie-free rows changes no bit.
    translates, scales
        rule(x + c) = rule(x) + c;  rule(a x) = a rule(x), a > 0.
    identical
        Equal rows give that row.
    hull
        F arbitrarily bad rows of N leave the output in the honest coordinate-wise hull,
        widened by this many times its width; None where the rule does not promise it.
    longest
        Bound of the output's norm by the median norm of the rows, else None.
    """

    rule: Rule
    any_order: bool = True
    translates: bool = True
    scales: bool = True
    identical: bool = True
    hull: float | None = None
    longest: float | None = None

    def __repr__(self) -> str:
        return repr(self.rule)


ORDER = {"hull": 0.0}
CHOICE = {"hull": 0.0}
CLIPS = {"translates": False, "longest": 1.0}

MEMBERS = [
    Member(Mean()),
    Member(Mean(weighted=True)),
    Member(SFAT(alpha=0.5, k=3)),
    Member(
        SFAT(variant="code"),
        any_order=False,
        translates=False,
        scales=False,
        identical=False,
    ),
    Member(Median(), **ORDER),
    Member(TrimmedMean(f=F), **ORDER),
    Member(MeaMed(f=F), hull=1.0),
    Member(Phocas(f=F), hull=1.0),
    Member(GeometricMedian(), hull=1.0),
    Member(
        GeometricMedian(nu=0.1, iterations=8, init="zeros"),
        translates=False,
        scales=False,
    ),
    Member(GeometricMedian(nu=0.1, iterations=8, init="median"), scales=False),
    *(
        Member(Krum(f=F, variant=variant), **CHOICE)
        for variant in ("paper", "byzfl", "epfml", "monna")
    ),
    Member(MultiKrum(f=F), **CHOICE),
    Member(MultiKrum(f=F, m=3), **CHOICE),
    Member(Bulyan(f=F), any_order=False, hull=0.0),
    Member(CenteredClipping(), translates=False, scales=False, identical=False),
    Member(MDA(f=F), any_order=False, **CHOICE),
    Member(SMEA(f=F), **CHOICE),
    Member(CAF(f=F), hull=0.0),
    Member(CGE(f=F), translates=False, hull=0.0),
    Member(MoNNA(f=F, trusted=8), **CHOICE),
    Member(DnC(f=F), **CHOICE),
    Member(FLTrust(), translates=False, scales=False, identical=False),
    Member(SignGuard(share=1.0), **CLIPS),
    Member(FoolsGold(), translates=False, identical=False),
    Member(RLR(f=F), translates=False),
    Member(LASA(), **CLIPS),
    Member(FLAME(noise=0.0), **CLIPS),
    Member(FLDetector(rule=Median()), hull=0.0),
    Member(FLANDERS(f=F, iterations=5, rule=Median()), hull=0.0),
    Member(
        FLANDERS(f=F, iterations=5, rule=Median(), variant="baseline", window=1),
        hull=0.0,
    ),
    Member(NormClipping(), translates=False, scales=False, identical=False),
    Member(
        SignMajority(),
        translates=False,
        scales=False,
        identical=False,
    ),
]

PREAGGREGATORS = [NNM(f=F), Bucketing(s=2), Clipping(c=1.0), ARC(f=F), Groups(size=3)]


def context_for(updates: np.ndarray, ids: list[int] | None = None) -> RuleContext:
    """Everything a rule may need; client ids stay with their rows."""
    n, d = updates.shape
    ids = list(range(n)) if ids is None else ids
    return RuleContext(
        clients=ids,
        num_examples=np.full(n, 7),
        round=3,
        seed=1,
        root_update=np.full(d, 0.5, np.float32),
        parameters=np.linspace(-1, 1, d, dtype=np.float32),
        layers=[d - d // 2, d // 2] if d > 1 else [d],
        losses=np.array([(7.0 * client) % n for client in ids]),
    )
