"""The clipping norm that follows a quantile, and how the noise is split."""

import math

import numpy as np
import pytest
from flwr.app import ConfigRecord
from flwr.serverapp import strategy as flower

from strategies.postprocessors import AdaptiveClientDP, PostprocessorContext
from strategies.postprocessors.adaptive_client_dp import SHORTEST
from strategies.randomness import Draw, server_generator
from strategies.rules import Aggregate, Mean
from tests.states import bits, stored
from tests.strategies.one_round import configured, record, replies_of
from tests.strategies.test_flower_defects import still


def played(part, lengths, round=1, state=None):
    """One round of updates of these lengths, along the first of two axes."""
    mean, seen = np.zeros(2, np.float32), None
    if len(lengths):
        updates = np.array([[length, 0] for length in lengths], np.float32)
        rows, seen = part.bound(updates, state)
        mean = rows.mean(axis=0)
    context = PostprocessorContext(
        aggregate=Aggregate(vector=mean),
        clients=range(len(lengths)),
        round=round,
        seen=seen,
    )
    return part(mean, state, context)


@pytest.mark.parametrize(
    ("lengths", "expected", "short_share"),
    [
        ([1, 2, 5, 9], 4, 0.5),
        ([1, 2, 3, 9], 4, 0.75),  # 3 is no longer than the norm
        ([0, 0, 0, 0], 4, 1.0),
        ([9, 9, 9], 4, 0.5 - 1.5 / 4),  # one is missing
        ([1, 2, 3, 2, 1], 4, 0.5 + 2.5 / 4),  # one more than expected
        ([], 4, 0.5),
    ],
)
def test_the_norm_moves_by_the_share_of_short_updates(lengths, expected, short_share):
    part = AdaptiveClientDP(
        clip=3.0, noise_multiplier=0.0, expected_clients=expected, quantile=0.6
    )
    found = played(part, lengths)
    assert found.diagnostics["short_share"] == pytest.approx(short_share)
    assert found.state == pytest.approx(3 * math.exp(-0.2 * (short_share - 0.6)))
    np.testing.assert_allclose(
        found.vector, [sum(min(v, 3) for v in lengths) / expected, 0], rtol=1e-6
    )


def test_the_next_round_clips_to_the_norm_of_the_state_and_scales_its_noise():
    part = AdaptiveClientDP(clip=3.0, noise_multiplier=1.0, expected_clients=40, seed=5)
    found = played(part, [10] * 40, round=2, state=7.0)
    # s = 40 / 20 = 2, so the sum has a noise multiplier of 1 / sqrt(1 - 1 / 16).
    z_sum = 1 / math.sqrt(15 / 16)
    assert part.sum_noise_multiplier == pytest.approx(z_sum)
    draw = server_generator(5, Draw.CLIENT_NOISE, 2).normal(size=2)
    np.testing.assert_allclose(found.vector, [7, 0] + z_sum * 7 / 40 * draw, rtol=1e-6)
    count = 2 * server_generator(5, Draw.COUNT_NOISE, 2).normal()
    assert found.diagnostics["short_share"] == pytest.approx((count - 20) / 40 + 0.5)
    assert found.diagnostics["clip"] == 7.0


@pytest.mark.parametrize("count_noise", [None, 0.6, 1.0, 100.0])
@pytest.mark.parametrize("expected", [1, 10, 1000])
def test_both_sums_together_cost_the_noise_multiplier(count_noise, expected):
    part = AdaptiveClientDP(
        clip=1.0,
        noise_multiplier=1.1,
        expected_clients=expected,
        count_noise=count_noise,
    )
    # Two Gaussian releases compose as one: the squares of sensitivity / std add up. A
    # client moves the sum by C and the centred count by 1 / 2.
    spent = part.sum_noise_multiplier**-2 + (0.5 / part.count_std) ** 2
    assert spent == pytest.approx(1.1**-2)
    if count_noise is None:
        assert part.count_std == max(1.1, expected / 20)


@pytest.mark.parametrize("quantile", [0.2, 0.5, 0.9])
def test_the_norm_converges_to_the_quantile_of_the_lengths(quantile):
    part = AdaptiveClientDP(
        clip=0.1, noise_multiplier=1.0, expected_clients=200, quantile=quantile, seed=0
    )
    rng, state, norms = np.random.default_rng(3), None, []
    for round in range(1, 161):
        lengths = rng.lognormal(1.0, 0.5, 200)
        state = played(part, lengths, round, state).state
        norms.append(state)
    assert norms[0] < 0.2
    share = np.mean(rng.lognormal(1.0, 0.5, 10_000) <= np.mean(norms[100:]))
    assert share == pytest.approx(quantile, abs=0.04)


def test_updates_that_are_zero_for_ever_shorten_the_norm_to_its_least():
    part = AdaptiveClientDP(
        clip=1.0, noise_multiplier=0.0, expected_clients=1, clip_learning_rate=50.0
    )
    state = None
    for round in range(1, 6):
        state = played(part, [0], round, state).state
    assert state == pytest.approx(SHORTEST)
    # It is not lost for ever: each longer update makes it exp(25) times as long.
    for round in range(6, 9):
        found = played(part, [1], round, state)
        assert np.isfinite(found.vector).all()
        state = found.state
    assert state > 1


def test_the_strategy_carries_the_norm_from_round_to_round():
    part = AdaptiveClientDP(clip=4.0, noise_multiplier=0.0, expected_clients=2)
    strategy = configured(Mean(), 2, record(w=[0, 0]), postprocessors=[part])
    arrays, _ = strategy.aggregate_train(1, replies_of([record(w=[8, 0])] * 2))
    np.testing.assert_allclose(arrays["w"].numpy(), [4, 0], rtol=1e-6)
    norm = 4 * math.exp(0.1)
    assert strategy.state().postprocessors == (pytest.approx(norm),)
    state = stored(strategy.state())
    assert bits(state) == bits(strategy.state())
    again = configured(Mean(), 2, record(w=[0, 0]), postprocessors=[part])
    again.restore(state)
    list(again.configure_train(2, record(w=[0, 0]), ConfigRecord(), None))
    preview = again.preview(np.array([[8, 0]] * 2, np.float32), range(2), [1, 1])
    np.testing.assert_allclose(preview, [norm, 0], rtol=1e-6)
    arrays, _ = again.aggregate_train(2, replies_of([record(w=[0, 9])] * 2, round=2))
    np.testing.assert_allclose(arrays["w"].numpy(), [0, norm], rtol=1e-6)
    assert again.last_round.postprocessed[0]["share_clipped"] == 1.0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"quantile": 1.0}, r"quantile=1.0: must be in \(0, 1\)"),
        ({"clip_learning_rate": -0.1}, "clip_learning_rate=-0.1: must be at least 0"),
        ({"count_noise": 0.5}, "count_noise=0.5: must be above noise_multiplier / 2"),
        ({"count_noise": 0.0}, "count_noise=0.0: must be above noise_multiplier / 2"),
        ({"clip": 0.0}, "clip=0.0: must be above 0"),
    ],
)
def test_parameters_out_of_range_are_refused(changes, told):
    given = {"clip": 1.0, "noise_multiplier": 1.0, "expected_clients": 2}
    with pytest.raises(ValueError, match=f"^{told}"):
        AdaptiveClientDP(**{**given, **changes})


def test_flower_clips_to_the_same_norm_and_then_moves_it_the_other_way():
    # All three are longer than the norm of 1, which should therefore grow.
    models = [record(w=[v, 0]) for v in (4, 5, 6)]
    part = AdaptiveClientDP(clip=1.0, noise_multiplier=0.0, expected_clients=3)
    strategy = configured(Mean(), 3, record(w=[0, 0]), postprocessors=[part])
    ours, _ = strategy.aggregate_train(1, replies_of(models))
    wrapper = flower.DifferentialPrivacyServerSideAdaptiveClipping(
        flower.FedAvg(), 0.0, 3, initial_clipping_norm=1.0
    )
    wrapper.current_arrays = record(w=[0, 0])
    theirs, _ = wrapper.aggregate_train(1, replies_of(models))
    np.testing.assert_allclose(ours["w"].numpy(), theirs["w"].numpy(), rtol=1e-6)
    (norm,) = strategy.state().postprocessors
    assert norm == pytest.approx(math.exp(0.2 * 0.5))
    still(wrapper.clipping_norm < 1, "adaptive clipping shortens a norm that is short")
