"""On any table, every claim about a training epsilon follows from the table.

The tables are made up, from accuracies and seeds that are known. What may be claimed is
derived from them a second time here, with scipy's paired t test.
"""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from fedrobust.report.column import shown
from fedrobust.report.epsilon.advice import Kind
from fedrobust.report.epsilon.choice import recommend
from fedrobust.report.epsilon.columns import accuracy_columns, gain_columns
from fedrobust.report.epsilon.matrix import EpsilonMatrix, TrainingRow
from fedrobust.report.groups import SeedGroup

EPSILONS = ["0.1", "0.2"]
GUESS = 0.1
NAME = r"(?:standard|noise|pgd) training(?: at [\d.]+)?"
INTERVAL = re.compile(
    r"is (\d+\.\d) ± (\d+\.\d) points (higher|lower)( than [^(]*\([^)]*\))?"
    r"( \(undecided: the interval includes 0\))?"
)
EQUALITY = re.compile(
    r"as (good|much|high|low|accurate|robust)|equal|equivalent|identical|bought|"
    r"no (better|worse|benefit|gain|difference)|gains? nothing|alike|indistinguish",
    re.IGNORECASE,
)


@st.composite
def rows(draw, num_images):
    """Return rows of (kind, epsilon, accuracies by seed) of one made-up sweep."""
    trained = draw(st.lists(st.sampled_from([0.1, 0.15, 0.2, 0.3]), min_size=2,
                            max_size=4, unique=True))  # fmt: skip
    noise = draw(st.lists(st.sampled_from([0.1, 0.15, 0.2]), max_size=2, unique=True))
    keys = [("pgd", e) for e in trained] + [("noise", e) for e in noise]
    if draw(st.booleans()):
        keys.append(("standard", None))
    keys.sort(key=lambda key: (key[1] or 0.0, key[0]))
    seeds = range(draw(st.integers(1, 6)))
    world = draw(st.sampled_from(["any", "guessing", "ties", "apart", "together"]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    middle = random.uniform(0, 1, 3)
    table = []
    for kind, epsilon in keys:
        own = random.uniform(0, 1, 3) if world == "apart" else middle
        have = draw(st.sets(st.sampled_from(seeds), min_size=1)) if draw(
            st.integers(0, 5)) == 0 else seeds  # fmt: skip
        shares = {
            seed: {
                "any": random.uniform(0, 1, 3),
                "guessing": GUESS + random.normal(0, 0.01, 3),
                "ties": random.choice([0.2, 0.4], 3),
            }.get(world, own + random.normal(0, random.choice([0.002, 0.1]), 3))
            for seed in sorted(have)
        }
        by_seed = {
            seed: np.round(np.clip(share, 0, 1) * num_images) / num_images
            for seed, share in shares.items()
        }
        table.append((kind, epsilon, by_seed))
    return table


@st.composite
def matrices(draw):
    num_images = draw(st.sampled_from([10, 100, 360, 10_000]))
    few_failed = draw(st.sampled_from([0, 0, 3]))
    return EpsilonMatrix({}, EPSILONS, [
        TrainingRow(kind, epsilon, group(few_failed and not draw(
            st.integers(0, few_failed))), by_seed, num_images)
        for kind, epsilon, by_seed in draw(rows(num_images))
    ])  # fmt: skip


def group(has_failed):
    """Return runs of one training, of which one may have failed a check."""
    result = SimpleNamespace(
        **{"failed_checks": ["logits"], "checks": {}, "skipped_rounds": 0, "seed": 0},
        **{"config_digest": "c", "evaluation_digest": "e"},
    )
    runs = [SimpleNamespace(result=result)] * bool(has_failed)
    return SeedGroup({}, {}, {}, runs, num_classes=10)


def weigh(accuracies, at):
    clean, first, second = accuracies
    return {"clean": clean, "0.1": first, "0.2": second,
            None: (clean + 2 * first + second) / 4}[at]  # fmt: skip


def by_seed(row, at):
    return {seed: weigh(share, at) for seed, share in row.by_seed.items()}


def mean(row, at):
    return np.mean([*by_seed(row, at).values()])


def interval(row, other, at):
    """Return the 95 % interval of a row minus another, None without three seeds."""
    first, second = by_seed(row, at), by_seed(other, at)
    if first.keys() != second.keys() or len(first) < 3:
        return None
    differences = [first[seed] - second[seed] for seed in first]
    if np.ptp(differences) < 1e-12:
        return differences[0], differences[0]
    return tuple(stats.ttest_1samp(differences, 0).confidence_interval(0.95))


def comparisons(advice, at):
    """Return each comparison, with the epsilon that its scores are of."""
    at_clean = [(c, "clean") for c in (advice.rival_clean, advice.clean)]
    others = [(c, at) for c in (advice.rival, advice.robust, advice.control)]
    return [(c, a) for c, a in at_clean + others if c is not None]


def check_every_interval(advice, at):
    """Hold each ± of the text against scipy, and count them."""
    shown_ = []
    for comparison, epsilon in comparisons(advice, at):
        row, other = comparison.row.row, comparison.other.row
        bounds = interval(row, other, epsilon)
        if bounds is None:
            assert comparison.difference is None
            continue
        low, high = bounds
        difference = comparison.difference
        assert difference.value == pytest.approx((low + high) / 2, abs=1e-9)
        assert difference.margin == pytest.approx((high - low) / 2, abs=1e-9)
        assert difference.num_seeds == len(row.by_seed)
        if difference.is_decided:
            assert low > 0 or high < 0
        shown_.append(
            (
                f"{100 * abs(difference.value):.1f}",
                f"{100 * difference.margin:.1f}",
                "higher" if difference.value >= 0 else "lower",
                difference.is_decided,
            )
        )
    found = [
        (value, margin, sign, not undecided)
        for value, margin, sign, _, undecided in INTERVAL.findall(advice.text)
    ]
    assert sorted(found) == sorted(shown_)
    assert advice.text.count("±") == len(found)
    for value, margin, _, is_decided in found:
        assert is_decided == (float(value) > float(margin))


def check_every_percentage(matrix, advice, at):
    """Hold each percentage of the text against the table as it is shown."""
    texts = shown(accuracy_columns(matrix), matrix.rows)
    heading = "average" if at is None else f"ε={at}"
    column = texts.names.index(heading)
    cells = {row.name: cells[column].split(" ± ")[0]
             for row, cells in zip(matrix.rows, texts.rows, strict=True)}  # fmt: skip
    found = re.findall(
        rf"({NAME})(?:, the best in the table)? \((\d+\.\d) %\)", advice.text
    )
    assert found
    for name, percentage in found:
        assert cells[name] == percentage
    is_told = "guessing (10.0 %)" in advice.text
    assert advice.text.count(" %") == len(found) + is_told


def check_the_gain(matrix, advice, at):
    """Hold what the recommended row costs and gains against the table of gains."""
    if at is None or advice.robust is None or advice.robust.difference is None:
        return
    texts = shown(gain_columns(matrix), matrix.rows)
    cells = texts.rows[matrix.rows.index(advice.row)]
    told = re.search(r"Against .*", advice.text)[0]
    cost, gain = INTERVAL.findall(told)[:2]
    assert cost[0] == cells[texts.names.index("clean cost")].lstrip("-")
    assert gain[0] == cells[texts.names.index(f"ε={at}")].lstrip("-")


def check_the_best(matrix, advice, at):
    """The best is the argmax of the table, whatever may be recommended."""
    means = {row: mean(row, at) for row in matrix.rows}
    top = max(means.values())
    best = advice.best.row
    assert means[best] == pytest.approx(top, abs=1e-9)
    tied = {row for row in matrix.rows if row is not best and means[row] > top - 1e-9}
    assert set(advice.tied) == tied
    (named,) = re.findall(
        rf"(?:he best in the table(?: is|,) (?:the control, )?({NAME}) \()|"
        rf"(?:(?:choose|would be) ({NAME}), the best in the table)", advice.text
    )  # fmt: skip
    assert "".join(named) == best.name
    if advice.rival.other.row is best and advice.kind is not Kind.CONTROL:
        others = [value for row, value in means.items() if row is not best]
        assert mean(advice.rival.row.row, at) == pytest.approx(max(others), abs=1e-9)


def check_the_recommendation(matrix, advice, at):
    row, best = advice.row, advice.best.row
    if row is None:
        assert "choose" not in advice.text
        assert "nothing is recommended" in advice.text
        return
    assert not row.is_noise
    if row.group.failed_checks:
        assert "choose" not in advice.text
        assert f"nothing is recommended: it would be {row.name}" in advice.text
        assert "but its checks failed: logits." in advice.text
    else:
        assert f"choose {row.name}" in advice.text
        assert "nothing is recommended" not in advice.text
    assert len(row.by_seed) >= 3
    assert advice.guess is None or row is not best
    values = [*by_seed(row, at).values()]
    assert np.mean(values) > GUESS
    if np.ptp(values) > 1e-12:
        low, _ = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert low > GUESS
    if row is not best:
        assert not advice.rival.difference.is_decided
        if not best.is_noise and advice.guess is None:
            total = mean(row, at) + mean(row, "clean")
            assert total >= mean(best, at) + mean(best, "clean") - 1e-8
            low, _ = interval(row, best, "clean")
            assert low > 0


def check_what_is_not_shown(matrix, advice, at):
    """Of a choice that is not told from standard training, that is said first."""
    row, standard = advice.row, matrix.reference
    is_said = ": nothing shows that" in advice.text
    if row is None or row.group.failed_checks or row.kind == standard.kind:
        assert not is_said
        return
    if standard.kind != "standard":
        assert not is_said
        return
    bounds = interval(row, standard, at)
    if bounds is None or bounds[0] <= 0:
        assert is_said
    # Rounded to a digit, an interval may touch 0.
    elif bounds[0] > 0.001:
        assert not is_said


def check_the_doubts(matrix, advice):
    """Every training that the sentences name has its failed checks told."""
    doubts = re.findall(r"FAILED checks of ([^:]*): logits;", advice.text)
    names = re.split(", | and ", doubts[0]) if doubts else []
    assert len(doubts) <= 1
    for row in matrix.rows:
        is_named = re.search(rf"{re.escape(row.name)}(?![\d.]*\d)", advice.text)
        told = names.count(row.name)
        is_chosen = row is advice.row
        assert told == bool(is_named and row.group.failed_checks and not is_chosen)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(matrices(), st.sampled_from([*EPSILONS, None]))
def test_every_claim_follows_from_the_table(matrix, at):
    advice = recommend(matrix, at)
    assert not EQUALITY.search(advice.text), advice.text
    check_the_best(matrix, advice, at)
    check_every_interval(advice, at)
    check_every_percentage(matrix, advice, at)
    check_the_gain(matrix, advice, at)
    check_the_recommendation(matrix, advice, at)
    check_what_is_not_shown(matrix, advice, at)
    check_the_doubts(matrix, advice)
    is_alone = not any(
        interval(row, advice.best.row, at)
        for row in matrix.rows
        if row is not advice.best.row
    )
    assert (advice.kind is Kind.FEW_SEEDS) == is_alone
    if is_alone:
        # No claim: only what the table holds, and what is missing.
        assert not re.search(r"±|over \d+ seeds|higher|lower|choose", advice.text)
        assert "A recommendation takes at least 3 seeds" in advice.text


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(matrices(), st.sampled_from([*EPSILONS, None]))
def test_noise_and_adversarial_training_are_compared_at_one_epsilon(matrix, at):
    advice = recommend(matrix, at)
    has_noise = any(row.is_noise for row in matrix.rows)
    if advice.kind is not Kind.CHOICE or not has_noise:
        assert (advice.control, advice.uncontrolled) == (None, None)
        return
    subject = advice.row
    if subject.epsilon is None:
        trained = [r for r in matrix.rows if r.kind == "pgd"]
        top = max(mean(row, at) for row in trained)
        subject = next(r for r in trained if mean(r, at) > top - 1e-9)
    equal = [r for r in matrix.rows if r.is_noise and r.epsilon == subject.epsilon]
    if not equal:
        assert advice.uncontrolled is subject
        return
    pairs = [(c.row.row, c.other.row) for c in (advice.control, advice.rival) if c]
    assert (equal[0], subject) in pairs


def test_the_chance_of_a_wrong_claim_is_that_of_the_interval():
    """Of trainings whose true accuracies are equal, 5 % may differ, either way."""
    random = np.random.default_rng(0)
    group = SeedGroup({}, {}, {}, [], num_classes=10)
    decided = 0
    for _ in range(400):
        table = [
            TrainingRow("pgd", epsilon, group,
                        dict(enumerate(random.normal(0.5, 0.05, (5, 3)))), 360)
            for epsilon in (0.1, 0.2)
        ]  # fmt: skip
        advice = recommend(EpsilonMatrix({}, EPSILONS, table), "0.1")
        decided += advice.rival.difference.is_decided
    # 20 are expected, with a standard deviation of 4.4.
    assert 7 <= decided <= 33
