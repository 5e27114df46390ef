"""Hand-worked cases of the pre-aggregators, alone and in a chain."""

import numpy as np
import pytest

from strategies.pipeline import Pipeline
from strategies.preaggregators import ARC, NNM, Bucketing, Clipping, Preaggregator
from strategies.rules import FoolsGold, Krum, Mean, MultiKrum, RuleContext
from tests.strategies.one_round import configured, record, replies_of

LINE = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.float32)


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


# --- NNM ------------------------------------------------------------------------------


def test_nnm_agrees_with_the_values_that_byzfl_documents():
    # Two neighbours, itself among them: (1 + 4) / 2 twice, as row 1 lies as far from 0
    # as from 2 and the lower row counts, and (4 + 7) / 2.
    expected = [[2.5, 3.5, 4.5], [2.5, 3.5, 4.5], [5.5, 6.5, 7.5]]
    np.testing.assert_array_equal(NNM(f=1)(LINE), expected)


def test_nnm_counts_an_update_as_its_own_nearest_among_identical_ones():
    # Three rows of 0 and one of 6; n - f = 2. The 6 keeps itself and takes one 0.
    np.testing.assert_array_equal(NNM(f=2)(column(0, 0, 0, 6)).ravel(), [0, 0, 0, 3])


def test_nnm_with_f_zero_makes_every_row_the_mean():
    np.testing.assert_array_equal(NNM(f=0)(column(1, 2, 6)).ravel(), [3, 3, 3])


def test_nnm_agrees_with_its_definition_written_plainly(rng):
    updates = rng.normal(size=(9, 4)).astype(np.float32)
    expected = [
        np.mean(
            sorted(updates.astype(float), key=lambda x: np.linalg.norm(x - centre))[:6],
            axis=0,
        )
        for centre in updates
    ]
    np.testing.assert_allclose(NNM(f=3)(updates), expected, rtol=1e-5, atol=1e-7)


# --- clipping -------------------------------------------------------------------------


def test_clipping_agrees_with_the_values_that_byzfl_documents():
    expected = [
        [0.53452248, 1.06904497, 1.60356745],
        [0.91168461, 1.13960576, 1.36752692],
        [1.00514142, 1.14873305, 1.29232469],
    ]
    found = Clipping(c=2.0)(LINE)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 2, rtol=1e-6)


def test_clipping_leaves_the_bits_of_a_row_that_is_short_enough():
    # Length 5 is not above 5.
    updates = np.array([[3, 4], [0.1, 0.2], [0, 0], [6, 8]], np.float32)
    found = Clipping(c=5.0)(updates)
    np.testing.assert_array_equal(found[:3], updates[:3])
    np.testing.assert_allclose(found[3], [3, 4])


def test_arc_agrees_with_the_values_that_byzfl_documents():
    # k = floor(2 * 1 / 3 * 2) = 1: the longest is clipped to the next, sqrt 77.
    found = ARC(f=1)(LINE)
    np.testing.assert_array_equal(found[:2], LINE[:2])
    expected = [4.41004009, 5.04004582, 5.67005155]
    np.testing.assert_allclose(found[2], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("n", "f", "expected"),
    [
        (3, 1, [1, 2, 2]),  # k = floor(4 / 3) = 1
        (4, 1, [1, 2, 3, 3]),  # k = floor(6 / 4) = 1
        (5, 2, [1, 2, 3, 3, 3]),  # k = floor(12 / 5) = 2
        (7, 3, [1, 2, 3, 4, 4, 4, 4]),  # k = floor(24 / 7) = 3
        (7, 0, [1, 2, 3, 4, 5, 6, 7]),  # k = 0: nothing is clipped
    ],
)
def test_arc_clips_the_k_longest_to_the_next(n, f, expected):
    updates = column(*range(1, n + 1))
    np.testing.assert_allclose(ARC(f=f)(updates).ravel(), expected, rtol=1e-6)
    signed = updates * (-1) ** np.arange(n, dtype=np.float32)[:, None]
    np.testing.assert_allclose(np.abs(ARC(f=f)(signed)).ravel(), expected, rtol=1e-6)


# --- bucketing ------------------------------------------------------------------------


def buckets_of(means: np.ndarray, s: int, n: int) -> list[set[int]]:
    """Read off which rows are in each bucket: row i is 2 ** i."""
    sizes = [min(s, n - start) for start in range(0, n, s)]
    sums = [round(float(m) * size) for m, size in zip(means, sizes, strict=True)]
    return [{i for i in range(n) if total >> i & 1} for total in sums]


@pytest.mark.parametrize(("n", "s", "sizes"), [(5, 2, [2, 2, 1]), (7, 3, [3, 3, 1])])
def test_bucketing_uses_every_row_once_and_the_last_bucket_may_be_short(n, s, sizes):
    rule, updates = Bucketing(s=s), column(*(2.0**i for i in range(n)))
    assert rule.num_rows(n) == len(sizes)
    for round in range(1, 6):
        found = rule(updates, RuleContext(seed=3, round=round)).ravel()
        buckets = buckets_of(found, s, n)
        assert [len(bucket) for bucket in buckets] == sizes
        assert set.union(*buckets) == set(range(n))


def test_buckets_are_keyed_by_seed_and_round():
    updates = column(*(2.0**i for i in range(9)))

    def buckets(seed: int, round: int) -> list[set[int]]:
        found = Bucketing(s=3)(updates, RuleContext(seed=seed, round=round))
        return buckets_of(found.ravel(), 3, 9)

    assert buckets(0, 1) == buckets(0, 1)
    assert buckets(0, 1) != buckets(0, 2)
    assert buckets(0, 1) != buckets(1, 1)


def test_buckets_of_one_permute_and_a_bucket_of_all_is_the_mean():
    updates = column(1, 2, 6)
    assert sorted(Bucketing(s=1)(updates).ravel()) == [1, 2, 6]
    for s in (3, 10):
        np.testing.assert_array_equal(Bucketing(s=s)(updates), [[3]])


@pytest.mark.parametrize(
    ("n", "s", "rows"), [(10, 2, 5), (11, 2, 6), (3, 5, 1), (6, 1, 6), (20, 3, 7)]
)
def test_the_number_of_rows_is_known_beforehand(n, s, rows):
    assert Bucketing(s=s).num_rows(n) == rows
    assert len(Bucketing(s=s)(np.zeros((n, 2), np.float32))) == rows
    assert NNM(f=1).num_rows(n) == ARC(f=1).num_rows(n) == Clipping().num_rows(n) == n


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NNM(f=-1), "f=-1: must be at least 0"),
        (lambda: NNM(f=3)(LINE), r"NNM\(f=3\) needs at least 4 updates, not 3"),
        (lambda: ARC(f=-1), "f=-1: must be at least 0"),
        (lambda: ARC(f=2)(LINE), r"ARC\(f=2\) needs at least 5 updates, not 3"),
        (lambda: Bucketing(s=0), "s=0: must be at least 1"),
        (lambda: Clipping(c=0.0), "c=0.0: must be above 0"),
        (lambda: Clipping(c=float("inf")), "c=inf: must be a finite number"),
        (lambda: Clipping()(np.zeros(3, np.float32)), r"must be \(n, d\)"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# --- in RobustStrategy ----------------------------------------------------------------


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
