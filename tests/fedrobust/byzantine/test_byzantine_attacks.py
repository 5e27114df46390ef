"""Byzantine attacks worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from fedrobust.byzantine import (
    ALIE,
    DBA,
    IPM,
    AttackContext,
    ClientContext,
    Constant,
    EdgeCase,
    ExamplesInflation,
    FangFlanders,
    FangKrum,
    FangTrim,
    FreeRider,
    Gaussian,
    LabelFlip,
    LIEFlanders,
    MeanSignFlip,
    Mimic,
    MinMax,
    MinMaxFlanders,
    MinSum,
    Neurotoxin,
    OptimalALIE,
    OptimalIPM,
    PixelBackdoor,
    SignFlip,
    byzantine_clients,
)
from fedrobust.byzantine.alie import alie_z
from fedrobust.byzantine.optimal import expanding_search, grid_search
from strategies.rules import Krum, Mean, Median, TrimmedMean

# Means 3 and 2; standard deviations (ddof 1) 2 and sqrt(12).
HONEST = np.array([[1, 0], [3, 0], [5, 6]], np.float32)


def normal(h: int = 12, d: int = 30, seed: int = 0) -> np.ndarray:
    """Updates about a mean that is not zero."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=d) + rng.normal(size=(h, d))).astype(np.float32)


def against(rule, honest: np.ndarray) -> AttackContext:
    """Let the attacker ask a server that applies a rule."""
    return AttackContext(
        aggregate=lambda crafted: rule(np.concatenate([honest, crafted])).vector
    )


def rng_of(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- ALIE ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "b", "z"),
    [
        (50, 24, 1.4261),
        (51, 12, 0.3612),
        (25, 5, 0.2533),
        (100, 20, 0.2858),
        (20, 4, 0.1573),
    ],
)
def test_alie_z_of_known_federations(n, b, z):
    assert alie_z(n, b) == pytest.approx(z, abs=5e-5)


def test_alie_is_the_mean_minus_z_standard_deviations():
    crafted = ALIE(z=1.5)(HONEST, 2)
    np.testing.assert_allclose(crafted, [[0, 2 - 1.5 * 12**0.5]] * 2, rtol=1e-6)
    assert crafted.dtype == np.float32


def test_alie_with_the_other_sign_and_the_other_divisor():
    # ddof 0: variances 8 / 3 and 24 / 3.
    crafted = ALIE(z=1.5, sign=1, ddof=0)(HONEST, 1)
    expected = [[3 + 1.5 * (8 / 3) ** 0.5, 2 + 1.5 * 8**0.5]]
    np.testing.assert_allclose(crafted, expected, rtol=1e-6)


def test_alie_computes_z_from_n_and_b():
    honest = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    expected = honest.mean(axis=0) - 0.2533471 * honest.std(axis=0, ddof=1)
    np.testing.assert_allclose(ALIE()(honest, 5)[0], expected, rtol=1e-5)


def test_alie_of_the_paper_knows_only_its_own_updates():
    own = np.array([[0, 0], [2, 4]], np.float32)  # means 1, 2; std sqrt(2), sqrt(8)
    crafted = ALIE(z=2.0, statistics="own")(HONEST, 2, AttackContext(own=own))
    expected = [[1 - 2 * 2**0.5, 2 - 2 * 8**0.5]] * 2
    np.testing.assert_allclose(crafted, expected, rtol=1e-6)
    with pytest.raises(ValueError, match=r"context\.own"):
        ALIE(z=2.0, statistics="own")(HONEST, 2)
    with pytest.raises(ValueError, match="num_byzantine=1"):
        ALIE(z=2.0, statistics="own").check(10, 1)


def test_alie_is_refused_where_undefined_and_warns_where_z_is_not_positive():
    with pytest.raises(ValueError, match="n=10 clients of which b=6"):
        ALIE()(np.zeros((4, 1), np.float32), 6)
    with pytest.warns(UserWarning, match="n=6 and b=1 has z=-0.2533"):
        ALIE()(np.zeros((5, 1), np.float32), 1)
    with pytest.warns(UserWarning, match="n=10 and b=2 has z=0"):
        ALIE().check(10, 2)


def test_alie_without_a_finite_z_is_undefined():
    with pytest.raises(ValueError, match="n above 2"):
        ALIE()(np.zeros((1, 3), np.float32), 1)
    with pytest.raises(ValueError, match="z=nan"):
        ALIE(z=float("nan"))


# --- against the mean ---------------------------------------------------------------


def test_ipm_is_minus_epsilon_times_the_mean():
    np.testing.assert_allclose(IPM(epsilon=0.5)(HONEST, 1), [[-1.5, -1]])


def test_both_parametrisations_of_ipm():
    # mean + 1.1 (-mean) = -0.1 mean: "empire" with 1.1 is the paper's epsilon 0.1.
    np.testing.assert_allclose(IPM(factor=1.1)(HONEST, 1), [[-0.3, -0.2]], rtol=1e-6)
    np.testing.assert_allclose(
        IPM(factor=1.1)(HONEST, 1), IPM(epsilon=0.1)(HONEST, 1), rtol=1e-6
    )


def test_mean_sign_flip_is_minus_scale_times_the_mean():
    np.testing.assert_array_equal(MeanSignFlip(scale=2)(HONEST, 2), [[-6, -4]] * 2)


# --- the line search ----------------------------------------------------------------


def test_the_expanding_search_doubles_until_it_fails_and_then_shrinks():
    tried = []

    def objective(x):
        tried.append(x)
        return -abs(x - 4)

    best = expanding_search(objective, 8, start=0.0, step=1.0, shrink=0.5)
    # 0 and 1 and 1 + 2 improve; 3 + 4 fails, and so do 3 + 2 (a tie with 3) and all
    # but 3 + 1; the step is half of the one before each time.
    assert tried == [0, 1, 3, 7, 5, 4, 4.5, 4.25]
    assert best == 4


def test_the_searches_make_as_many_evaluations_as_allowed():
    assert expanding_search(lambda x: x, 1, 2.0, 1.0, 0.8) == 2
    assert expanding_search(lambda x: x, 4, 0.0, 1.0, 0.8) == 1 + 2 + 4
    for evaluations in (1, 2, 3, 20):
        tried = []
        grid_search(lambda x, tried=tried: tried.append(x) or x, evaluations, 10.0)
        assert len(tried) == evaluations


def test_the_grid_search_goes_both_ways_from_the_best_of_the_grid():
    tried = []

    def objective(x):
        tried.append(x)
        return x if x < 0.1 else 0.09 / x  # selected below 0.1, and dropped above

    best = grid_search(objective, 9, largest=10.0)
    # 0.1 is the best of the grid. Ten times and a tenth of it are worse, and so are its
    # products with the root of ten and with 1 / root; the fourth root comes next.
    up, root = 10**0.25, 10**0.5
    expected = [0.01, 0.1, 1, 10, 1, 0.01, 0.1 * root, 0.1 / root, 0.1 * up]
    np.testing.assert_allclose(tried, expected)
    assert best == pytest.approx(0.1)
    np.testing.assert_allclose(grid_search(lambda x: x, 5, 10.0), 10 * 1000**3)


@pytest.mark.parametrize("rule", [Median(), Mean(), Krum(f=3)], ids=repr)
def test_optimal_attacks_move_the_aggregate_no_less_than_fixed_ones(rule):
    honest = normal()
    context = against(rule, honest)
    mean = honest.mean(axis=0)

    def damage(attack):
        return np.linalg.norm(context.aggregate(attack(honest, 3, context)) - mean)

    assert damage(OptimalALIE()) >= damage(ALIE())
    assert damage(OptimalIPM()) >= damage(IPM(epsilon=1e-9))


@pytest.mark.parametrize("attack", [OptimalALIE(), OptimalIPM()], ids=repr)
@pytest.mark.parametrize("rule", [Krum(f=3), TrimmedMean(f=3)], ids=repr)
def test_optimal_attacks_come_near_the_best_of_a_fine_grid(attack, rule, rng):
    for _ in range(5):
        honest = (rng.normal(size=(12, 30)) + rng.normal(size=30)).astype(np.float32)
        context = against(rule, honest)
        mean = honest.mean(axis=0, dtype=np.float64)
        origin, direction = attack.line(honest)

        def damage(rows, context=context, mean=mean):
            return np.linalg.norm(context.aggregate(rows) - mean)

        best = max(
            damage(np.tile(origin + size * direction, (3, 1)).astype(np.float32))
            for size in np.geomspace(0.01, 100, 200)
        )
        sent = attack(honest, 3, context)
        assert damage(sent) >= 0.85 * best
        other = replace(attack, search="expanding")(honest, 3, context)
        assert damage(sent) >= 0.85 * damage(other)
        if isinstance(rule, Krum) and isinstance(attack, OptimalALIE):
            # What ByzFL's search sends, Krum never selects.
            np.testing.assert_array_equal(context.aggregate(sent), sent[0])
            assert (context.aggregate(other) != other[0]).any()


def test_optimal_attacks_by_hand_against_the_mean():
    # The mean moves further with every step: 10 + 20 are the two steps of 3 trials.
    context = against(Mean(), HONEST)
    np.testing.assert_allclose(
        OptimalIPM(evaluations=3, search="expanding")(HONEST, 1, context), [[-90, -60]]
    )
    assert context.chosen == {"size": 30}
    attack = OptimalALIE(evaluations=3, search="expanding", sign=1)
    found = attack(HONEST, 1, context)
    np.testing.assert_allclose(found, [[3 + 30 * 2, 2 + 30 * 12**0.5]], rtol=1e-6)


def test_optimal_attacks_need_the_pipeline_and_pass_its_errors_on():
    with pytest.raises(ValueError, match=r"context\.aggregate"):
        OptimalALIE()(HONEST, 1)
    with pytest.raises(ValueError, match="at least 9"):
        OptimalIPM()(HONEST, 1, against(Krum(f=3), HONEST))


# --- Min-Max and Min-Sum ------------------------------------------------------------


def squared_distances(row, honest):
    return ((row.astype(np.float64) - honest) ** 2).sum(axis=1)


def between(honest):
    return np.array([squared_distances(row, honest) for row in honest])


def test_min_max_and_min_sum_by_hand():
    # Mean 1, std sqrt(2), furthest apart 2. Min-Max: the update may be 2 away from the
    # honest 2, which is 0. Min-Sum: m^2 + (m - 2)^2 <= 4, again m = 0.
    two = np.array([[0], [2]], np.float32)
    for attack in (MinMax(), MinSum()):
        crafted = attack(two, 2)
        assert crafted.shape == (2, 1)
        np.testing.assert_allclose(crafted, 0, atol=1e-6)
    # Honest 0, 0, 3: mean 1. Min-Max: |m - 3| <= 3, m = 0. Min-Sum: 2 m^2 + (m - 3)^2
    # <= 9 + 9, that is 3 m^2 - 6 m - 9 <= 0, m = -1.
    three = np.array([[0], [0], [3]], np.float32)
    np.testing.assert_allclose(MinMax()(three, 1), 0, atol=1e-6)
    np.testing.assert_allclose(MinSum()(three, 1), -1, rtol=1e-6)


@pytest.mark.parametrize("direction", ["unit", "std", "sign"])
@pytest.mark.parametrize("seed", range(5))
def test_min_max_and_min_sum_are_feasible_and_no_larger_step_is(direction, seed):
    honest = normal(seed=seed)
    mean = honest.mean(axis=0, dtype=np.float64)
    p = {
        "unit": -mean / np.linalg.norm(mean),
        "std": -honest.std(axis=0, dtype=np.float64, ddof=1),
        "sign": -np.sign(mean),
    }[direction]
    for attack, value, limit in (
        (MinMax, np.max, between(honest).max()),
        (MinSum, np.sum, between(honest).sum(axis=1).max()),
    ):
        row = attack(direction=direction)(honest, 1)[0]
        gamma = (row - mean) @ p / (p @ p)
        assert gamma > 0
        assert value(squared_distances(row, honest)) <= limit
        assert value(squared_distances(mean + 1.001 * gamma * p, honest)) > limit


def test_the_mean_is_sent_where_there_is_no_direction():
    opposite = np.array([[1, -1], [-1, 1]], np.float32)
    np.testing.assert_array_equal(MinMax(direction="unit")(opposite, 1), [[0, 0]])
    same = np.ones((4, 2), np.float32)
    np.testing.assert_array_equal(MinSum(direction="std")(same, 1), [[1, 1]])


def test_min_max_stays_feasible_where_float32_is_coarse():
    # At 1000 a float32 step is 6e-5, about the spread of these updates.
    honest = (1000 + 1e-4 * normal()).astype(np.float32)
    row = MinMax(direction="unit")(honest, 1)[0]
    assert squared_distances(row, honest).max() <= between(honest).max()


# --- the attacks of the FLANDERS baseline --------------------------------------------


def test_lie_of_the_flanders_baseline_by_hand():
    # n = 4, b = 2: s = 1 and z = Phi(1 / 2) = 0.691462. Of 0, 4, 2, 2 the mean is 2 and
    # the standard deviation sqrt(2), whose root is 1.189207.
    honest, own = np.array([[0], [4]], np.float32), np.full((2, 1), 2, np.float32)
    crafted = LIEFlanders()(honest, 2, AttackContext(own=own))
    np.testing.assert_allclose(crafted, 2 - 0.691462 * 1.189207, rtol=1e-6)
    with pytest.raises(ValueError, match="own"):
        LIEFlanders()(honest, 2)


@pytest.mark.parametrize(
    ("num_own", "expected"),
    [
        # std = sqrt(8 / 4): even 2.5 of them go 5.5 from the honest 4, which may be 4.
        (2, 2 - 6 * 2**0.5),
        # std = sqrt(8 / 22): 2 + gamma std = 4 at gamma = sqrt(11), within the search.
        (20, 0.0),
    ],
)
def test_min_max_of_the_flanders_baseline_by_hand(num_own, expected):
    honest = np.array([[0], [4]], np.float32)
    own = np.full((num_own, 1), 2, np.float32)
    crafted = MinMaxFlanders()(honest, num_own, AttackContext(own=own))
    np.testing.assert_allclose(crafted, expected, atol=1e-4)


def fang_as_coded(first, honest, own, layers, threshold=1e-5):
    """The published steps one by one, on models: what all Byzantine clients send."""
    b = len(own)

    def krum(models):
        squared = np.array([[np.sum((x - y) ** 2) for y in models] for x in models])
        nearest = np.sort(squared, axis=1)[:, 1 : len(models) - b - 1]
        return nearest.sum(axis=1)

    least = krum(np.concatenate([honest, own]))[: len(honest)].min()
    least /= (len(honest) + b - 2) * (b - 1) * len(layers) ** 0.5
    parts = [np.split(x - first, np.cumsum(layers)[:-1]) for x in honest]
    furthest = max(sum(np.linalg.norm(part) for part in x) ** 2 for x in parts)
    size = min(least + furthest / len(layers) ** 0.5, 999)
    while True:
        sent = np.tile(first - size * np.sign(first), (b, 1))
        chosen = np.argmin(krum(np.concatenate([honest, sent])))
        if chosen >= len(honest) or size <= threshold:
            return sent
        size /= 2


@pytest.mark.parametrize("spread", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("seed", range(4))
def test_fang_of_the_flanders_baseline_step_by_step(seed, spread):
    rng = np.random.default_rng(seed)
    start, layers = rng.normal(size=7).astype(np.float32), [4, 3]
    first, *later = (rng.normal(size=(3, 12, 7)) * spread).astype(np.float32)
    attack, memory = FangFlanders(), {}
    attack.watch(first, AttackContext(parameters=start, memory=memory))
    attack.watch(later[0], AttackContext(parameters=start, memory=memory))
    now = (start + 0.1).astype(np.float32)
    honest, own = later[1][:9], later[1][9:]
    known = AttackContext(parameters=now, own=own, layers=layers, memory=memory)
    crafted = attack(honest, 3, known)
    expected = fang_as_coded(
        (start + first[0]).astype(np.float64), now + honest, now + own, layers
    )
    np.testing.assert_allclose(now + crafted, expected, rtol=1e-4, atol=1e-4)


def test_fang_of_the_flanders_baseline_ends_as_the_old_model():
    memory: dict[str, np.ndarray] = {}
    attack, zero = FangFlanders(), np.zeros(2, np.float32)
    old = np.array([[100, -100], [0, 0]], np.float32)
    attack.watch(old, AttackContext(parameters=zero, memory=memory))
    honest = np.eye(8, 2, dtype=np.float32)
    known = AttackContext(parameters=zero, own=honest[:2], memory=memory)
    np.testing.assert_allclose(attack(honest, 2, known), old[[0, 0]], atol=2e-5)
    with pytest.raises(ValueError, match="parameters"):
        attack(honest, 2, AttackContext(own=honest[:2]))
    with pytest.raises(ValueError, match="at least 5 clients"):
        attack.check(4, 2)


# --- Fang et al. --------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("h", "b"), [(12, 3), (8, 2), (7, 4)])
def test_krum_selects_what_fang_krum_sends(seed, h, b):
    # Where the honest mean is far off, even no change at all is too far from it.
    honest = np.random.default_rng(seed).normal(size=(h, 30)).astype(np.float32)
    crafted = FangKrum()(honest, b)
    sign = np.sign(honest.mean(axis=0))
    size = -crafted[0, 0] * sign[0]
    assert size > 1e-5
    np.testing.assert_array_equal(crafted, np.tile(-size * sign, (b, 1)))
    for rows, first in (([crafted, honest], 0), ([honest, crafted], h)):
        (selected,) = Krum(f=b)(np.concatenate(rows)).selected
        assert first <= selected < first + b


def test_fang_krum_by_hand():
    # b = f = 2, n = 7: 3 neighbours count. Honest sums: 5 and 7 have 4 + 4 + 16 = 24,
    # the least; the longest update is 9. Bound: sqrt(24 / (7 - 2 - 2 - 1)) + 9 = 12.46.
    # A copy at -s has 0 + (s - 1)^2 + (s + 3)^2 = 2 s^2 + 4 s + 10, and the honest -1
    # has 2 (s - 1)^2 + 16 = 2 s^2 - 4 s + 18, with both copies near it. So -s wins for
    # s < 1; of the halves of 12.46 the first below is 12.46 / 16 = 0.779.
    honest = np.array([[-1], [3], [5], [7], [9]], np.float32)
    expected = -(12**0.5 + 9) / 16
    np.testing.assert_allclose(FangKrum()(honest, 2), [[expected]] * 2, rtol=1e-6)


def test_fang_krum_stops_below_its_threshold():
    # b = f = 1, n = 5: 2 neighbours. The least honest sum is 1 + 1, the longest update
    # 4. Bound: sqrt(2 / (5 - 1 - 1 - 1)) + 4 = 5. Even at 0 a copy has 1 + 4 > 2.
    honest = np.array([[1], [2], [3], [4]], np.float32)
    ((value,),) = FangKrum()(honest, 1)
    np.testing.assert_allclose(value, -5 / 2**19, rtol=1e-6)  # 9.5e-6
    np.testing.assert_allclose(FangKrum(threshold=2.0)(honest, 1), [[-1.25]])


def test_fang_krum_is_refused_where_krum_is_undefined():
    with pytest.raises(ValueError, match="at least 9 clients, not n=8"):
        FangKrum().check(8, 3)
    with pytest.raises(ValueError, match="at least 8 clients, not n=7"):
        FangKrum(f=1)(normal(2), 5)
    FangKrum().check(9, 3)


def test_fang_trim_draws_beyond_the_honest_range_against_the_mean():
    # Columns with mean > 0 and minimum 1 or -1, and mean < 0 and maximum -1 or 1.
    honest = np.array([[1, -1, -1, 1], [5, 5, -5, -5]], np.float32)
    rows = FangTrim(b=2)(honest, 500)
    bounds = [(0.5, 1), (-2, -1), (-1, -0.5), (1, 2)]
    for column, (low, high) in zip(rows.T, bounds, strict=True):
        assert low <= column.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < column.max() <= high


def test_fang_trim_draws_anew_each_round_and_for_each_seed():
    first, again, round_2, seed_1 = (
        FangTrim()(HONEST, 2, AttackContext(round=round, seed=seed))
        for round, seed in ((1, 0), (1, 0), (2, 0), (1, 1))
    )
    np.testing.assert_array_equal(first, again)
    assert (first[0] != first[1]).any()
    assert (first != round_2).any()
    assert (first != seed_1).any()


# --- Mimic --------------------------------------------------------------------------


def test_mimic_of_a_fixed_client_follows_its_id():
    attack = Mimic(mode="fixed", client=7)
    context = AttackContext(clients=[2, 7, 9])
    np.testing.assert_array_equal(attack(HONEST, 2, context), [[3, 0]] * 2)
    gone = AttackContext(clients=[2, 3, 9])
    np.testing.assert_array_equal(attack(HONEST, 1, gone), [[1, 0]])
    assert [context.chosen, gone.chosen] == [{"client": 7}, {"client": 2}]
    np.testing.assert_array_equal(Mimic(mode="fixed", client=2)(HONEST, 1), [[5, 6]])


def test_mimic_without_a_client_keeps_the_first_of_the_first_round():
    memory: dict = {}
    attack = Mimic(mode="fixed")
    attack(HONEST, 1, AttackContext(clients=[4, 5, 6], memory=memory))
    later = AttackContext(round=2, clients=[1, 4, 9], memory=memory)
    np.testing.assert_array_equal(attack(HONEST, 1, later), [[3, 0]])


def test_mimic_takes_the_client_furthest_along_the_direction_of_most_variance():
    # All variance is along the first axis, so one power step gives z = (1, 0) or
    # (-1, 0), and the client is one of the two ends.
    honest = np.array([[-9, 1], [0, 1], [1, 1], [10, 1]], np.float32)
    found = {
        tuple(Mimic()(honest, 1, AttackContext(seed=seed))[0]) for seed in range(20)
    }
    assert found == {(-9, 1), (10, 1)}


def test_mimic_keeps_copying_the_same_client_when_rows_change():
    memory: dict = {}
    ids = [3, 5, 8, 11]
    honest = normal(4)
    attack = Mimic()
    first = attack(honest, 2, AttackContext(clients=ids, memory=memory))
    chosen = memory["client"]
    np.testing.assert_array_equal(first, [honest[ids.index(chosen)]] * 2)
    assert set(memory) == {"client", "rounds"}
    others = [chosen + 100, chosen, 0]
    later = AttackContext(round=2, clients=others, memory=memory)
    np.testing.assert_array_equal(attack(honest[:3], 1, later)[0], honest[1])
    assert memory["client"] == chosen


def test_mimic_warms_up_for_as_many_rounds_as_it_acts_in():
    memory: dict = {}
    attack = Mimic(warmup=3)
    honest = normal(6, 4, seed=1)
    for round in (1, 4, 6):
        attack(honest, 1, AttackContext(round=round, memory=memory))
        if round < 6:
            assert np.linalg.norm(memory["z"]) == pytest.approx(1)
    assert memory["rounds"] == 3
    # The second step by hand: the mean of two equal means is that mean.
    one: dict = {}
    two: dict = {}
    Mimic(warmup=9)(honest, 1, AttackContext(memory=one))
    z = one["z"]
    Mimic(warmup=9)(honest, 1, AttackContext(memory=two))
    Mimic(warmup=9)(honest, 1, AttackContext(round=2, memory=two))
    centred = honest - honest.mean(axis=0, dtype=np.float64)
    step = centred.T @ (centred @ z)
    expected = z / 2 + step / np.linalg.norm(step) / 2
    np.testing.assert_allclose(two["z"], expected / np.linalg.norm(expected))


# --- tampering ----------------------------------------------------------------------


def test_sign_flip_and_gaussian_by_hand():
    update = np.array([1, -2], np.float32)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(SignFlip(scale=3).tamper(update, rng), [-3, 6])
    draw = np.random.default_rng(5).normal(1, 2, 2).astype(np.float32)
    noise = Gaussian(mean=1, std=2)
    np.testing.assert_array_equal(noise.tamper(update, np.random.default_rng(5)), draw)
    added = Gaussian(mean=1, std=2, mode="add")
    np.testing.assert_array_equal(
        added.tamper(update, np.random.default_rng(5)), update + draw
    )


@pytest.mark.parametrize("value", [0.0, -2.5, float("inf"), float("nan")])
def test_constant_sends_its_value(value):
    sent = Constant(value=value).tamper(np.ones(3, np.float32), rng_of())
    np.testing.assert_array_equal(sent, np.full(3, value, np.float32))


def test_free_riders_send_nothing_or_fading_noise():
    update = np.ones(100_000, np.float32)
    np.testing.assert_array_equal(FreeRider().tamper(update, rng_of()), 0)
    # std 2 * 4^-0.5 = 1 in round 4, and 2 in round 1.
    rider = FreeRider(std=2.0, decay=0.5)
    sent = rider.tamper(update, rng_of(), ClientContext(round=4))
    assert sent.std() == pytest.approx(1, rel=0.01)
    assert rider.tamper(update, rng_of()).std() == pytest.approx(2, rel=0.01)


def test_inflation_flips_and_declares_more_examples():
    attack = ExamplesInflation(num_examples=99, scale=2.0)
    sent = attack.tamper(np.array([1, -2], np.float32), rng_of())
    np.testing.assert_array_equal(sent, [-2, 4])
    assert attack.declare(10) == 99
    assert ExamplesInflation().declare(10) == 10_000_000
    assert SignFlip().declare(10) == 10


def test_neurotoxin_leaves_out_what_the_server_moved_most():
    # Two of four coordinates (half) moved most: the first and the last.
    last_step = np.array([-9, 1, 0, 3], np.float32)
    update = np.array([1, 2, 3, 4], np.float32)
    attack = Neurotoxin(top=0.5, boost=10.0)
    sent = attack.tamper(update, rng_of(), ClientContext(last_step=last_step))
    np.testing.assert_array_equal(sent, [0, 20, 30, 0])
    for context in (None, ClientContext()):
        sent = attack.tamper(update, rng_of(), context)
        np.testing.assert_array_equal(sent, [10, 20, 30, 40])
    np.testing.assert_array_equal(update, [1, 2, 3, 4])


# --- poisoned data ------------------------------------------------------------------


def test_label_flip_turns_the_classes_around():
    x, y = LabelFlip().poison(np.ones((3, 1)), np.array([0, 1, 9]), 10)
    np.testing.assert_array_equal(y, [9, 8, 0])
    np.testing.assert_array_equal(x, 1)


def test_label_flip_of_one_class_leaves_the_others():
    labels = np.array([1, 0, 7, 1], np.int32)
    flip = LabelFlip(source=1, target=7)
    np.testing.assert_array_equal(
        flip.poison(np.ones((4, 1), np.float32), labels, 10)[1], [7, 0, 7, 7]
    )
    with pytest.raises(ValueError, match="target=7: must be below num_classes=5"):
        flip.poison(np.ones((4, 1), np.float32), labels, 5)
    with pytest.raises(ValueError, match="target=None"):
        LabelFlip(source=1)
    with pytest.raises(ValueError, match="source=None"):
        LabelFlip(target=1)
    with pytest.raises(ValueError, match="another class than source"):
        LabelFlip(source=1, target=1)


def test_pixel_backdoor_stamps_the_lower_right_corner_of_a_share():
    x, y = np.zeros((10, 4, 5, 2), np.float32), np.full(10, 3, np.int32)
    attack = PixelBackdoor(target=1, share=0.3, size=2, value=0.5)
    poisoned, labels = attack.poison(x, y, 10, rng_of(1))
    rows = np.flatnonzero(labels == 1)
    assert len(rows) == 3
    expected = np.zeros((4, 5, 2))
    expected[2:, 3:] = 0.5
    for i in range(10):
        np.testing.assert_array_equal(poisoned[i], expected if i in rows else 0)
    _, others = attack.poison(x, y, 10, rng_of(2))
    assert (labels != others).any()


def test_a_backdoor_poisons_at_least_one_image_of_any():
    x, y = np.zeros((4, 3, 3), np.float32), np.ones(4, np.int32)
    _, labels = PixelBackdoor(share=0.01).poison(x, y, 2)
    assert (labels == 0).sum() == 1
    empty, none = PixelBackdoor().poison(x[:0], y[:0], 2)
    assert empty.shape == (0, 3, 3)
    assert none.shape == (0,)


def test_victims_carry_the_trigger_and_are_never_of_the_target():
    x, y = np.zeros((4, 3, 3), np.float32), np.array([0, 1, 2, 1], np.int32)
    images, rows = PixelBackdoor(target=1, size=1).victims(x, y, 3)
    np.testing.assert_array_equal(rows, [0, 2])
    np.testing.assert_array_equal(images[:, 2, 2], 1)
    assert images.sum() == 2


def test_a_trigger_must_fit_and_its_target_exist():
    x, y = np.zeros((4, 3, 3), np.float32), np.zeros(4, np.int32)
    with pytest.raises(ValueError, match="does not fit images of 3 x 3"):
        PixelBackdoor(size=4).poison(x, y, 2)
    with pytest.raises(ValueError, match="target=2: must be below num_classes=2"):
        PixelBackdoor(target=2, size=1).poison(x, y, 2)
    with pytest.raises(ValueError, match=r"x must be \(n, h, w\)"):
        PixelBackdoor().poison(x.reshape(4, 9), y, 2)


def test_dba_attackers_learn_parts_and_victims_carry_all_of_them():
    x, y = np.zeros((2, 28, 28, 1), np.float32), np.ones(2, np.int32)
    attack = DBA(share=1.0)
    # The paper's MNIST trigger: bars of 4 pixels, 2 apart, in rows 0 and 3.
    bars = [(0, range(4)), (0, range(6, 10)), (3, range(4)), (3, range(6, 10))]
    whole = np.zeros((28, 28))
    for k, (row, columns) in enumerate(bars):
        part = np.zeros((28, 28))
        part[row, list(columns)] = 1
        whole += part
        for attacker in (k, k + 4):
            poisoned, labels = attack.poison(x, y, 10, attacker=attacker)
            np.testing.assert_array_equal(poisoned[0, :, :, 0], part)
            np.testing.assert_array_equal(labels, 0)
    images, _ = attack.victims(x, y, 10)
    np.testing.assert_array_equal(images[1, :, :, 0], whole)


def test_dba_is_refused_where_some_part_has_no_client():
    with pytest.raises(ValueError, match=r"parts=4: .* num_byzantine=3"):
        DBA().check(10, 3)
    DBA(parts=3).check(10, 3)


def test_edge_cases_are_the_images_of_the_source_furthest_from_their_mean():
    # Class 7 has values 0, 0, 0, 1, .1 (mean .22): the 1 is furthest, then the zeros.
    values = np.array([0, 1, 0, 0, 1, 0.1, 0.9], np.float32)
    x = np.tile(values[:, None, None], (1, 2, 2))
    y = np.array([7, 2, 7, 7, 7, 7, 1], np.int32)
    attack = EdgeCase(source=7, target=1, tail=0.2)
    poisoned, labels = attack.poison(x, y, 10)
    np.testing.assert_array_equal(poisoned, x)
    np.testing.assert_array_equal(labels, [7, 2, 7, 7, 1, 7, 1])
    images, rows = EdgeCase(source=7, target=1, tail=0.4).victims(x, y, 10)
    np.testing.assert_array_equal(rows, [0, 4])
    np.testing.assert_array_equal(images, x[[0, 4]])


def test_edge_cases_of_a_client_without_the_source_class_and_of_a_share():
    x, y = np.zeros((4, 2, 2), np.float32), np.zeros(4, np.int32)
    np.testing.assert_array_equal(EdgeCase().poison(x, y, 10)[1], y)
    assert len(EdgeCase().victims(x, y, 10)[1]) == 0
    _, labels = EdgeCase(source=0, tail=1.0, share=0.5).poison(x, y, 10)
    assert (labels == 1).sum() == 2
    with pytest.raises(ValueError, match="source=7: must be below num_classes=5"):
        EdgeCase().poison(x, y, 5)


# --- parameters and clients ---------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: SignFlip(scale=0),
        lambda: MeanSignFlip(scale=-1),
        lambda: Gaussian(std=-1),
        lambda: Gaussian(mode="both"),
        lambda: IPM(epsilon=0),
        lambda: IPM(factor=1.0),
        lambda: IPM(factor=float("inf")),
        lambda: ALIE(sign=0),
        lambda: ALIE(ddof=2),
        lambda: ALIE(statistics="all"),
        lambda: OptimalALIE(evaluations=0),
        lambda: OptimalALIE(sign=2),
        lambda: OptimalIPM(start=-1.0),
        lambda: OptimalIPM(step=0.0),
        lambda: OptimalIPM(shrink=1.0),
        lambda: OptimalIPM(search="line"),
        lambda: OptimalIPM(largest=0.0),
        lambda: MinMax(direction="up"),
        lambda: MinSum(direction="up"),
        lambda: FangKrum(f=-1),
        lambda: FangKrum(threshold=0.0),
        lambda: FangTrim(b=1.0),
        lambda: Mimic(mode="any"),
        lambda: Mimic(client=3),
        lambda: Mimic(mode="fixed", client=-1),
        lambda: Mimic(warmup=0),
        lambda: FreeRider(std=-1.0),
        lambda: FreeRider(decay=-1.0),
        lambda: ExamplesInflation(num_examples=0),
        lambda: ExamplesInflation(scale=0.0),
        lambda: LabelFlip(source=-1, target=0),
        lambda: PixelBackdoor(size=0),
        lambda: PixelBackdoor(value=1.5),
        lambda: PixelBackdoor(share=0.0),
        lambda: PixelBackdoor(boost=0.0),
        lambda: PixelBackdoor(target=-1),
        lambda: DBA(parts=0),
        lambda: DBA(width=0),
        lambda: DBA(gap=-1),
        lambda: EdgeCase(source=1, target=1),
        lambda: EdgeCase(tail=0.0),
        lambda: EdgeCase(tail=1.5),
        lambda: Neurotoxin(top=1.0),
        lambda: Neurotoxin(top=float("nan")),
    ],
)
def test_parameters_out_of_range(make):
    with pytest.raises(ValueError, match="must be"):
        make()


def test_byzantine_clients_are_fixed_by_the_seed():
    assert byzantine_clients(0, 20, 5) == byzantine_clients(0, 20, 5)
    assert byzantine_clients(0, 20, 5) != byzantine_clients(1, 20, 5)
    assert byzantine_clients(0, 5, 5) == [0, 1, 2, 3, 4]
    assert byzantine_clients(0, 5, 0) == []
