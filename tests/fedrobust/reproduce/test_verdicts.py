"""The rules of the verdict, for cells and for pairs of cells."""

import pytest

from fedrobust.reproduce import load_reproduction, verdict
from fedrobust.reproduce.definition import Ordering
from fedrobust.reproduce.published import Published
from fedrobust.reproduce.verdicts import allowed, compare


@pytest.mark.parametrize(
    ("rule", "paper", "ours", "expected"),
    [
        # 2.5 * 6 * sqrt(1/3 + 1/3) = 12.247
        ("seeds", Published(40.0, 6.0, 3), [52.0, 52.2, 52.4], "inside"),
        ("seeds", Published(40.0, 6.0, 3), [52.2, 52.3, 52.4], "outside"),
        # 2.5 * 0.2 * sqrt(1/3 + 1) = 0.577: the 1.5 points decide
        ("seeds", Published(92.0, 0.2, 3), [93.5], "inside"),
        ("seeds", Published(92.0, 0.2, 3), [90.4], "outside"),
        # 2.5 * 6 * sqrt(1/3 + 1) = 17.32: one seed of ours
        ("seeds", Published(40.0, 6.0, 3), [57.3], "inside"),
        ("seeds", Published(40.0, 6.0, 3), [57.4], "outside"),
        # sd of .80 .84 .88 is .04: 2 sd = .08
        ("single", Published(0.76), [0.80, 0.84, 0.88], "inside"),
        ("single", Published(0.75), [0.80, 0.84, 0.88], "outside"),
        # equal numbers: 0.05 decides
        ("single", Published(0.80), [0.85, 0.85, 0.85], "inside"),
        ("single", Published(0.80), [0.86, 0.86, 0.86], "outside"),
        ("single", Published(0.80), [0.80, 0.80], "compared"),
        ("seeds", Published(92.0), [92.0, 92.0], "compared"),
        ("compared", Published(92.0, 1.0, 3), [92.0, 92.0, 92.0], "compared"),
        # two decimals are printed: 1.185 and 1.195 round to 1.19, 1.196 to 1.2
        ("printed", Published(1.19), [1.1949], "inside"),
        ("printed", Published(1.19), [1.1849], "outside"),
        ("printed", Published(1.19), [1.19, 1.204], "outside"),
        ("seeds", None, [92.0], "ours alone"),
        ("seeds", Published(92.0, 0.2, 3), [], "not run"),
    ],
)
def test_the_verdict_is_the_rule(rule, paper, ours, expected):
    assert verdict(rule, paper, ours) == expected


@pytest.mark.parametrize(
    ("rule", "paper", "ours", "expected"),
    [
        # 2.5 * 6 * sqrt(1/3 + 1/1) = 15 * 1.1547
        ("seeds", Published(40.0, 6.0, 3), [50.0], 17.3205),
        # 2.5 * 0.2 * sqrt(1/3 + 1/1) = 0.577: never less than 1.5 points
        ("seeds", Published(92.0, 0.2, 3), [93.5], 1.5),
        # sd of .80 .84 .88 is .04
        ("single", Published(0.76), [0.80, 0.84, 0.88], 0.08),
        ("single", Published(0.80), [0.85, 0.85, 0.85], 0.05),
        ("single", Published(0.80), [0.80, 0.80], None),
        ("seeds", Published(92.0), [92.0], None),
        ("seeds", Published(40.0, 6.0, 3), [], None),
        ("seeds", None, [92.0], None),
        ("compared", Published(92.0, 1.0, 3), [92.0], None),
    ],
)
def test_a_cell_has_the_tolerance_of_the_rule(rule, paper, ours, expected):
    limit = allowed(rule, paper, ours)
    assert limit is None if expected is None else limit == pytest.approx(expected)


def test_a_claim_pairs_cells_that_differ_in_what_it_says(toy):
    reproduction = load_reproduction("demo", toy)
    (ordering,) = reproduction.orderings

    def compared(avg, cm):
        (pair,) = compare(reproduction, ordering, {("avg",): avg, ("cm",): cm})
        return pair

    # Seed by seed 3 and 5: 4 ± 12.7062 * 1, t with one degree of freedom.
    pair = compared({0: 4.0, 1: 8.0}, {0: 1.0, 1: 3.0})
    assert (pair.difference, pair.margin) == (4.0, pytest.approx(12.7062, abs=1e-4))
    assert pair.verdict == "holds, two seeds"
    # 3, 3.3 and 2.7: 3 ± 4.3027 * 0.3 / sqrt(3), with two degrees of freedom.
    pair = compared({0: 4.0, 1: 8.3, 2: 0.7}, {0: 1.0, 1: 5.0, 2: -2.0})
    assert pair.difference == pytest.approx(3.0)
    assert pair.margin == pytest.approx(4.3027 * 0.3 / 3**0.5, abs=1e-4)
    assert pair.verdict == "holds"
    # 1, 3 and 2: 2 ± 4.3027 * 1 / sqrt(3)
    pair = compared({0: 1.0, 1: 3.0, 2: 2.0}, {0: 0.0, 1: 0.0, 2: 0.0})
    assert (pair.difference, pair.margin) == (2.0, pytest.approx(2.4841, abs=1e-4))
    assert pair.verdict == "holds, within chance"
    # Two seeds that differ alike say no more than two seeds.
    pair = compared({0: 1.0, 1: 2.0}, {0: 9.0, 1: 10.0})
    assert (pair.margin, pair.verdict) == (0.0, "does not hold, two seeds")
    # The seeds that only one of them has do not count, whatever they say.
    alone = {7: 1e6, 8: -3.0}
    assert compared({0: 4.0, **alone}, {0: 6.0, 1: 0.0}).difference == -2.0
    assert compared({0: 4.0, **alone}, {0: 6.0}).verdict == "does not hold, one seed"
    assert compared(alone, {0: 6.0}).verdict == "not run"
    # The same runs on both sides differ by nothing.
    same = {0: 1.0, 1: 2.0, 2: 1.0}
    assert compared(same, same).verdict == "does not hold, within chance"


def test_a_claim_pairs_cells_that_agree_in_the_other_columns():
    reproduction = load_reproduction("gabrielli2023_flanders")
    ordering = Ordering(
        "c", "s", {"rule": "fl_median"}, {"rule": "median", "attack": ["lie", "opt"]}
    )
    # The attack is said on one side only, so it may differ between the two.
    cells = {(p.higher[2], p.lower[2]) for p in compare(reproduction, ordering, {})}
    assert ("gaussian", "opt") in cells
    same = {"attack": ["lie", "opt"], "byzantine": 20}
    ordering = Ordering(
        "c", "s", {"rule": "fl_median", **same}, {"rule": "median", **same}
    )
    cells = [(p.higher[2], p.lower[2]) for p in compare(reproduction, ordering, {})]
    assert ("lie", "lie") in cells
    assert all(high == low for high, low in cells)
