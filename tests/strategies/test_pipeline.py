"""Chains of pre-aggregators and a rule."""

import numpy as np
import pytest

from strategies import RobustStrategy
from strategies.pipeline import Pipeline
from strategies.preaggregators import (
    ARC,
    NNM,
    Bucketing,
    Clipping,
    Groups,
    Preaggregator,
)
from strategies.rules import (
    FLANDERS,
    Bulyan,
    FLDetector,
    FoolsGold,
    Krum,
    Mean,
    Median,
    MultiKrum,
    RuleContext,
    TrimmedMean,
)
from tests.hostile import GOOD, with_weight
from tests.strategies import one_round
from tests.strategies.federation import METRICS, federation, sends, start
from tests.strategies.matrices import column
from tests.strategies.one_round import configured, record, replies_of


def aggregated(values, preaggregators, rule):
    """One round of RobustStrategy on a model of one value, which is 0."""
    strategy = configured(rule, len(values), record(w=0), preaggregators=preaggregators)
    replies = replies_of([record(w=value) for value in values])
    arrays, _ = strategy.aggregate_train(1, replies)
    return None if arrays is None else arrays["w"].numpy()[0], strategy.last_round


def test_the_order_of_a_chain_matters():
    clip, mix = Clipping(c=4.0), NNM(f=1)
    # Clipped: 0 2 4. Mixed by twos: 0 with 2; 2, as near to 0, with 0; 4 with 2:
    # 1 1 3, whose mean is 5/3.
    found, _ = aggregated([0, 2, 10], [clip, mix], Mean())
    assert found == pytest.approx(5 / 3)
    # Mixed: 0 with 2, 2 with 0, 10 with 2: 1 1 6. Clipped: 1 1 4, whose mean is 2.
    found, _ = aggregated([0, 2, 10], [mix, clip], Mean())
    assert found == pytest.approx(2)


def test_a_rule_is_checked_for_the_number_of_rows_that_remain():
    # 8 clients in buckets of 2 are 4 rows, and Krum of f = 1 needs 5.
    found, report = aggregated([1] * 8, [Bucketing(s=2)], Krum(f=1))
    assert found is None
    assert "needs at least 5 updates, not 4" in report.skipped
    found, report = aggregated([1] * 10, [Bucketing(s=2)], Krum(f=1))
    assert found == 1
    assert report.skipped is None


@pytest.mark.parametrize(
    "part", [ARC(f=1), Clipping(c=4.0), NNM(f=1), Bucketing(s=2)], ids=repr
)
def test_what_follows_groups_is_given_rows_that_are_groups(part):
    sampled = tuple(range(3, 15))
    context = RuleContext(
        clients=sampled,
        num_examples=np.arange(1, 13),
        losses=np.ones(12),
        sampled=sampled,
    )
    updates = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
    found = Pipeline(Median(), (Groups(size=3), part))(updates, None, context)
    rows = Groups(size=3)(updates, context)
    expected = Median()(part(rows, RuleContext(seed=context.seed)))
    np.testing.assert_array_equal(found.vector, expected.vector)


class FirstTwo(Preaggregator):
    """Reduce rows, and say nothing of their places."""

    def num_rows(self, n):
        return 2

    def preaggregate(self, updates, context):
        return updates[:2]


def test_permuted_rows_are_refused_for_a_rule_that_needs_clients():
    updates, context = column(1, 2, 3), RuleContext(clients=[4, 5, 6])
    for s in (1, 2):
        pipeline = Pipeline(FoolsGold(), (Bucketing(s=s),))
        with pytest.raises(ValueError, match="not buckets"):
            pipeline(updates, None, context)
    with pytest.raises(ValueError, match="not buckets"):
        Pipeline(FoolsGold(), (FirstTwo(),))(updates, None, context)
    Pipeline(FoolsGold(), (NNM(f=1), Clipping(c=9.0)))(updates, None, context)


@pytest.mark.parametrize("mixes", [NNM(f=1), Bucketing(s=1)])
def test_mixed_rows_select_no_clients(mixes):
    values = [1, 2, 3, 4, 50]
    for chain in ([mixes], [Clipping(c=9.0), mixes], [mixes, Clipping(c=9.0)]):
        _, report = aggregated(values, chain, MultiKrum(f=1, m=2))
        assert report.selected is None
        assert report.excluded is None


@pytest.mark.parametrize("keeps", [Clipping(c=9.0), ARC(f=1)])
def test_clipped_rows_still_select_clients(keeps):
    # ARC: k = floor(2 / 5 * 4) = 1. Then 1 2 3 4 4 or 1 2 3 4 9; two neighbours:
    # 1 + 4, 1 + 1, 1 + 1, 0 + 1 and 0 + 1, or 5, 2, 2, 5 and 61.
    _, report = aggregated([1, 2, 3, 4, 50], [keeps], MultiKrum(f=1, m=2))
    assert report.selected == ([1, 2] if isinstance(keeps, Clipping) else [3, 4])
    assert report.excluded == [c for c in range(5) if c not in report.selected]


@pytest.mark.parametrize(
    ("n", "left", "rule", "chain", "lower", "lower_chain"),
    [
        (5, 4, Krum(f=1), (), Krum(f=0), ()),
        (11, 10, Bulyan(f=2), (), Bulyan(f=1), ()),
        # No more than needs be: seven rows allow f = 3, though three are missing.
        (10, 7, TrimmedMean(f=4), (), TrimmedMean(f=3), ()),
        (23, 18, Krum(f=10), (), Krum(f=7), ()),
        (7, 6, Median(), (ARC(f=3),), Median(), (ARC(f=2),)),
        # The rule within has the same f.
        (5, 4, FLDetector(rule=Krum(f=1)), (), FLDetector(rule=Krum(f=0)), ()),
        (
            *(9, 8, FLANDERS(f=2, rule=Krum(f=2)), ()),
            *(FLANDERS(f=1, rule=Krum(f=1)), ()),
        ),
    ],
    ids=repr,
)
def test_who_is_missing_is_one_of_the_f(n, left, rule, chain, lower, lower_chain):
    models = [record(w=[w, w * w]) for w in range(1, left + 1)]
    nan = record(w=[1, np.nan])
    for replies in ([*models, nan], models):
        events: list[dict] = []
        strategy = one_round.configured(
            rule, n, record(w=[0, 0]), events, preaggregators=chain
        )
        arrays, _ = strategy.aggregate_train(1, replies_of(replies))
        assert [e["event"] for e in events].count("quarantined") == (nan in replies)
        assert events[-1]["event"] == "f lowered"
        assert repr(lower_chain[0] if chain else lower) in events[-1]["reason"]
        strategy = one_round.configured(
            lower, left, record(w=[0, 0]), preaggregators=lower_chain
        )
        wanted, _ = strategy.aggregate_train(1, replies_of(models))
        np.testing.assert_array_equal(arrays["w"].numpy(), wanted["w"].numpy())


def test_clients_that_were_never_there_are_missing_too():
    strategy = one_round.configured(Krum(f=1), 4, record(w=0), absent=1)
    arrays, _ = strategy.aggregate_train(1, replies_of([record(w=w) for w in range(4)]))
    assert arrays is not None
    strategy.check(4)
    with pytest.raises(ValueError, match="at least 5 updates, not 3"):
        strategy.check(3)
    with pytest.raises(ValueError, match="ARC"):
        RobustStrategy(rule=Median(), preaggregators=[ARC(f=2)]).check(4)


def test_one_client_cannot_stop_a_rule_at_the_bound_it_was_published_with():
    nan = sends({"arrays": with_weight(GOOD * np.nan), "metrics": METRICS})
    result, _, events = start(
        federation(nan), rule=Krum(f=1), num_rounds=3, num_clients=5
    )
    assert [e["event"] for e in events] == 3 * ["quarantined", "f lowered"]
    assert (result.arrays["weight"].numpy() > 2.9).all()
