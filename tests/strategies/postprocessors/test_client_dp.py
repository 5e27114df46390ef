"""Client-level privacy with a fixed clipping norm, in rounds of the strategy."""

from dataclasses import replace

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord
from flwr.serverapp import strategy as flower
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fedrobust.runtime.local_grid import FIRST_NODE_ID, LocalGrid
from strategies import RobustStrategy
from strategies.postprocessors import (
    AdaptiveClientDP,
    ClientDP,
    PostprocessorContext,
)
from strategies.preaggregators import NNM
from strategies.randomness import Draw, server_generator
from strategies.rules import Aggregate, Krum, Mean, Median
from strategies.server_optimizers import SGD, Adam
from tests.messages import global_arrays
from tests.own_postprocessors import Momentum
from tests.strategies import one_round
from tests.strategies.federation import METRICS, NUM_CLIENTS, federation, sends, start
from tests.strategies.one_round import record, replies_of


def configured(num_clients, size, part, rule=None, **kwargs):
    """A strategy in round 1 from a model of zeros."""
    rule = Mean() if rule is None else rule
    initial = record(w=np.zeros(size))
    return one_round.configured(
        rule, num_clients, initial, postprocessors=[part], **kwargs
    )


def released(updates, **kwargs) -> np.ndarray:
    """What one round of the plain mean makes of (n, d) updates."""
    updates = np.asarray(updates, np.float32)
    strategy = configured(len(updates), updates.shape[1], ClientDP(**kwargs))
    found, _ = strategy.aggregate_train(1, replies_of([record(w=u) for u in updates]))
    return found["w"].numpy()


def test_two_updates_are_clipped_summed_noised_and_divided_by_the_expected_clients():
    # (3, 4) becomes (0.6, 0.8), and (0.3, 0) stays: their sum is (0.9, 0.8).
    updates = [[3, 4], [0.3, 0]]
    found = released(updates, clip=1.0, noise_multiplier=0.0, expected_clients=4)
    np.testing.assert_allclose(found, [0.225, 0.2], rtol=3e-7)
    noise = np.random.default_rng([11, 1, 0, 108]).normal(size=2)
    found = released(
        updates, clip=1.0, noise_multiplier=1.5, expected_clients=4, seed=11
    )
    np.testing.assert_allclose(found, ([0.9, 0.8] + 1.5 * noise) / 4, rtol=1e-6)


def test_the_noise_is_another_in_each_round_and_for_each_seed():
    found = []
    for seed in (0, 1):
        part = ClientDP(clip=1.0, noise_multiplier=1.0, expected_clients=1, seed=seed)
        strategy = configured(2, 3, part)
        for round in (1, 2):
            arrays, _ = strategy.aggregate_train(
                round, replies_of([record(w=np.zeros(3))] * 2, round=round)
            )
            draw = server_generator(seed, Draw.CLIENT_NOISE, round).normal(size=3)
            np.testing.assert_allclose(arrays["w"].numpy(), draw, rtol=1e-6)
            found.append(tuple(draw))
            list(
                strategy.configure_train(
                    round + 1, record(w=np.zeros(3)), ConfigRecord(), None
                )
            )
    assert len(set(found)) == 4


def test_the_noise_of_many_rounds_has_the_standard_deviation_it_should_have():
    part = ClientDP(clip=3.0, noise_multiplier=0.8, expected_clients=6)
    d, rounds = 200, 300
    noise = np.empty((rounds, d))
    for round in range(rounds):
        context = PostprocessorContext(
            aggregate=Aggregate(vector=np.zeros(d, np.float32)), round=round + 1
        )
        noise[round] = part(context.aggregate.vector, None, context).vector
    scaled = noise / (0.8 * 3 / 6)
    n = scaled.size
    assert abs(scaled.mean()) < 5 / np.sqrt(n)
    assert abs(scaled.std() - 1) < 5 / np.sqrt(2 * n)
    # Rounds after each other, and values beside each other, have nothing in common.
    for first, second in ((scaled[1:], scaled[:-1]), (scaled[:, 1:], scaled[:, :-1])):
        assert abs(np.mean(first * second)) < 5 / np.sqrt(n)


UPDATES = arrays(
    np.float32,
    st.tuples(st.integers(2, 6), st.just(8)),
    elements=st.floats(-1e6, 1e6, width=32),
)


@given(UPDATES, st.floats(0.01, 100), st.data())
def test_one_client_moves_the_sum_by_at_most_the_clip(updates, clip, data):
    m = len(updates)
    kwargs = {"clip": clip, "noise_multiplier": 0.0, "expected_clients": m}
    whole = released(updates, **kwargs).astype(np.float64)
    row = data.draw(st.integers(0, m - 1))
    without = released(np.delete(updates, row, axis=0), **kwargs)
    # The sums are computed in float32.
    slack = 1e-6 * clip * m
    assert np.linalg.norm(whole - without) * m <= clip + slack
    other = updates.copy()
    other[row] = data.draw(
        arrays(np.float32, 8, elements=st.floats(-1e6, 1e6, width=32))
    )
    replaced = released(other, **kwargs)
    assert np.linalg.norm(whole - replaced) * m <= 2 * clip + slack


def test_replies_that_are_missing_count_as_zero():
    part = ClientDP(clip=10.0, noise_multiplier=0.0, expected_clients=4)
    strategy = configured(4, 1, part)
    replies = replies_of([record(w=v) for v in (2, 4, 6, np.nan)])
    arrays, _ = strategy.aggregate_train(1, replies[1:])
    # Of 4 clients one does not reply and one sends NaN: (4 + 6) / 4.
    assert arrays["w"].numpy().tolist() == [2.5]
    assert strategy.last_round.failed.keys() == {0}
    assert strategy.last_round.quarantined.keys() == {3}


@pytest.mark.parametrize("part_class", [ClientDP, AdaptiveClientDP])
def test_without_a_seed_nobody_can_draw_the_noise_again(part_class):
    part = part_class(clip=1.0, noise_multiplier=1.0, expected_clients=1)
    context = PostprocessorContext(aggregate=Aggregate(vector=np.zeros(3, np.float32)))
    found = [part(context.aggregate.vector, None, context) for _ in range(2)]
    found.append(replace(part, seed=0)(context.aggregate.vector, None, context))
    assert len({each.vector.tobytes() for each in found}) == 3
    if part_class is AdaptiveClientDP:
        assert len({each.state for each in found}) == 3


@pytest.mark.parametrize("z", [0.0, 2.0])
def test_a_round_without_any_reply_releases_noise(z):
    part = ClientDP(clip=1.0, noise_multiplier=z, expected_clients=2, seed=0)
    strategy = configured(2, 3, part)
    arrays, _ = strategy.aggregate_train(1, [])
    noise = server_generator(0, Draw.CLIENT_NOISE, 1).normal(size=3)
    np.testing.assert_allclose(arrays["w"].numpy(), z / 2 * noise, rtol=1e-6)
    assert strategy.last_round.skipped is None
    assert strategy.last_round.postprocessed == [{"clip": 1.0, "noise_std": z / 2}]
    assert strategy.state().round == 1


def test_the_figures_of_a_round_describe_the_updates_before_they_were_clipped():
    part = ClientDP(clip=2.0, noise_multiplier=0.5, expected_clients=4)
    strategy = configured(3, 2, part)
    models = [record(w=w) for w in ([3, 4], [0, 1], [0, 2])]
    strategy.aggregate_train(1, replies_of(models))
    (figures,) = strategy.last_round.postprocessed
    assert figures == pytest.approx(
        {"clip": 2.0, "share_clipped": 1 / 3, "median_norm": 2.0, "noise_std": 0.25}
    )


def test_one_client_works_and_integers_keep_the_global_values():
    initial = ArrayRecord(
        {"w": Array(np.zeros(2, np.float32)), "count": Array(np.array([7, 8]))}
    )
    part = ClientDP(clip=1.0, noise_multiplier=0.0, expected_clients=1)
    strategy = one_round.configured(Mean(), 1, initial, postprocessors=[part])
    sent = ArrayRecord(
        {"w": Array(np.array([0, 9], np.float32)), "count": Array(np.array([99, 99]))}
    )
    arrays, _ = strategy.aggregate_train(1, replies_of([sent]))
    np.testing.assert_allclose(arrays["w"].numpy(), [0, 1], rtol=3e-7)
    assert arrays["count"].numpy().tolist() == [7, 8]


def test_pre_aggregators_rule_and_attackers_see_the_clipped_updates():
    part = ClientDP(clip=1.0, noise_multiplier=3.0, expected_clients=5, seed=0)
    strategy = configured(
        5, 1, part, rule=Krum(f=1), preaggregators=[NNM(f=1)], server_optimizer=SGD()
    )
    updates = np.array([[5], [6], [7], [8], [-90]], np.float32)
    # All four are clipped to 1, and the rule sees 1 1 1 1 -1.
    preview = strategy.preview(updates, range(5), [10] * 5)
    np.testing.assert_allclose(preview, [1], rtol=3e-7)
    assert updates.max() == 8
    arrays, _ = strategy.aggregate_train(1, replies_of([record(w=u) for u in updates]))
    noise = server_generator(0, Draw.CLIENT_NOISE, 1).normal(size=1)
    np.testing.assert_allclose(arrays["w"].numpy(), 1 + 0.6 * noise, atol=1e-6)


def test_a_robust_rule_without_enough_replies_still_skips_its_round():
    part = ClientDP(clip=1.0, noise_multiplier=1.0, expected_clients=5)
    strategy = configured(5, 1, part, rule=Krum(f=1))
    arrays, _ = strategy.aggregate_train(1, replies_of([record(w=1)] * 2))
    assert arrays is None
    assert "needs at least 5 updates" in strategy.last_round.skipped


def test_what_the_noise_would_not_cover_is_refused_with_the_remedy():
    part = ClientDP(clip=1.0, noise_multiplier=1.0, expected_clients=2)
    remedy = r"^statistics=\['bn'\]: must be left out with ClientDP\(.*group normal"
    with pytest.raises(ValueError, match=remedy):
        configured(2, 1, part, statistics=["bn"])
    with pytest.raises(ValueError, match=r"^rule=.*must be Mean\(weighted=False\)"):
        configured(2, 1, part, rule=Mean(weighted=True))
    for parts in ([Momentum(), part], [part, part]):
        with pytest.raises(ValueError, match=r"^postprocessors=.* is the first, so"):
            RobustStrategy(rule=Mean(), postprocessors=parts)
    strategy = RobustStrategy(rule=Mean(), postprocessors=[part, Momentum()])
    assert strategy.postprocessors == (part, Momentum())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"clip": 0.0}, "clip=0.0: must be above 0"),
        ({"clip": -1.0}, "clip=-1.0: must be above 0"),
        ({"noise_multiplier": -0.1}, "noise_multiplier=-0.1: must be at least 0"),
        ({"noise_multiplier": np.nan}, "noise_multiplier=nan: must be a finite"),
        ({"expected_clients": 0}, "expected_clients=0: must be above 0"),
        ({"seed": -1}, "seed=-1: must be at least 0"),
    ],
)
def test_parameters_out_of_range_are_refused(changes, told):
    given = {"clip": 1.0, "noise_multiplier": 1.0, "expected_clients": 2}
    with pytest.raises(ValueError, match=f"^{told}"):
        ClientDP(**{**given, **changes})


HOSTILE = {
    "NaN": {"arrays": record(weight=np.full((2, 2), np.nan), bias=[0, 0, 0])},
    "huge": {"arrays": record(weight=np.full((2, 2), 3e38), bias=[-3e38, 0, 0])},
    "other names": {"arrays": record(w=1)},
    "nothing": {},
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("rule", [Mean(), Median()], ids=repr)
def test_no_hostile_reply_ends_the_run_or_moves_the_model_beyond_the_clip(kind, rule):
    part = ClientDP(clip=1.0, noise_multiplier=0.0, expected_clients=NUM_CLIENTS)
    bad = sends({"metrics": METRICS, **HOSTILE[kind]})
    result, strategy, _ = start(
        federation(bad), rule=rule, postprocessors=[part], server_optimizer=SGD()
    )
    assert strategy.last_round.skipped is None
    length = np.sqrt(sum((a.numpy() ** 2).sum() for a in result.arrays.values()))
    # Two rounds, each at most the clip.
    assert length <= 2 * (1 + 1e-6)


def test_the_same_bits_for_any_number_of_workers_and_other_bits_for_another_seed():
    def bits(workers, seed=0):
        part = ClientDP(clip=1.0, noise_multiplier=1.0, expected_clients=3.5, seed=seed)
        strategy = RobustStrategy(
            rule=Mean(), postprocessors=[part], server_optimizer=Adam(), seed=seed,
            fraction_train=0.5, sampling="poisson", fraction_evaluate=0.0,
            client_ids={FIRST_NODE_ID + c: c for c in range(NUM_CLIENTS)},
        )  # fmt: skip
        with LocalGrid(federation(), NUM_CLIENTS, workers=workers) as grid:
            result = strategy.start(grid, global_arrays(), num_rounds=4)
        return {name: array.data for name, array in result.arrays.items()}

    assert bits(workers=1) == bits(workers=4) != bits(workers=4, seed=1)


def test_flower_agrees_where_nobody_is_missing_and_nothing_is_zero(rng):
    updates = rng.normal(size=(6, 40)) * np.linspace(0.02, 0.4, 6)[:, None]
    models = [record(w=row) for row in updates]
    ours = released(updates, clip=1.0, noise_multiplier=0.0, expected_clients=6)
    wrapper = flower.DifferentialPrivacyServerSideFixedClipping(
        flower.FedAvg(), 0.0, 1.0, 6
    )
    wrapper.current_arrays = record(w=np.zeros(40))
    theirs, _ = wrapper.aggregate_train(1, replies_of(models))
    np.testing.assert_allclose(ours, theirs["w"].numpy(), atol=1e-7)
    lengths = np.linalg.norm(updates, axis=1)
    assert (lengths > 1).any()
    assert (lengths < 1).any()
