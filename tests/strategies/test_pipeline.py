"""Chains of pre-aggregators and a rule."""

import pytest

from strategies.pipeline import Pipeline
from strategies.preaggregators import ARC, NNM, Bucketing, Clipping, Preaggregator
from strategies.rules import FoolsGold, Krum, Mean, MultiKrum, RuleContext
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
