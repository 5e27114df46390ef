"""The properties that every rule and pre-aggregator must have, run by every one."""

import importlib
import pkgutil
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import strategies.preaggregators
import strategies.rules
from strategies.linalg.rows import norms
from strategies.preaggregators import NNM, Preaggregator
from strategies.rules import (
    CGE,
    SFAT,
    CenteredClipping,
    FLTrust,
    Krum,
    Mean,
    MoNNA,
    MultiKrum,
    NormClipping,
    Rule,
    RuleContext,
)
from tests.conformance.matrices import SIZES, attacked, finite_updates, honest
from tests.conformance.members import MEMBERS, PREAGGREGATORS, F, N, context_for

every = pytest.mark.parametrize("member", MEMBERS, ids=repr)


def members(key: str):
    """Parametrise over the members that promise something."""
    promising = [m for m in MEMBERS if getattr(m, key) not in (False, None)]
    return pytest.mark.parametrize("member", promising, ids=repr)


def aggregate(member, updates, ids=None):
    return member.rule(updates, None, context_for(updates, ids))


def test_every_rule_and_preaggregator_is_a_member():
    for package, base, tested in (
        (strategies.rules, Rule, {type(m.rule) for m in MEMBERS}),
        (strategies.preaggregators, Preaggregator, {type(p) for p in PREAGGREGATORS}),
    ):
        defined = {
            value
            for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
            for value in vars(importlib.import_module(module.name)).values()
            if isinstance(value, type)
            and issubclass(value, base)
            and not value.__abstractmethods__
        }
        assert tested == defined
        assert {cls.__name__ for cls in defined} <= set(package.__all__)


@every
@settings(max_examples=25, deadline=None)
@given(updates=finite_updates)
def test_output_is_a_finite_float32_vector_and_the_input_is_left_alone(member, updates):
    before = updates.copy()
    found = aggregate(member, updates)
    assert found.vector.shape == (3,)
    assert found.vector.dtype == np.float32
    assert np.isfinite(found.vector).all()
    np.testing.assert_array_equal(updates, before)
    if found.weights is not None:
        assert found.weights.shape == (N,)
        assert found.weights.sum() == pytest.approx(1)
        assert (found.weights >= 0).all()
    if found.selected is not None:
        assert list(found.selected) == sorted(set(found.selected))


@every
def test_twice_gives_the_same_bits_and_the_state_is_not_changed(member, rng):
    updates = honest(rng)
    first = aggregate(member, updates)
    context = context_for(updates)
    second, again = (member.rule(updates, first.state, context) for _ in range(2))
    np.testing.assert_array_equal(aggregate(member, updates).vector, first.vector)
    np.testing.assert_array_equal(second.vector, again.vector)


def same_bits(found, shuffled, order):
    """Whether two aggregates are the same, the other one of rows in another order."""
    assert shuffled.vector.tobytes() == found.vector.tobytes()
    if found.weights is not None:
        np.testing.assert_array_equal(shuffled.weights, found.weights[order])
    if found.selected is not None:
        assert sorted(order[shuffled.selected]) == found.selected.tolist()
    for name, value in found.diagnostics.items():
        per_row = isinstance(value, np.ndarray) and value.shape[:1] == (N,)
        wanted = value[order] if per_row else value
        np.testing.assert_array_equal(shuffled.diagnostics[name], wanted)


# With ties between different rows, equal rows and huge ones.
any_updates = arrays(
    np.float32,
    (N, 3),
    elements=st.one_of(
        st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0]),
        st.floats(-3, 3, width=32),
        st.sampled_from([1e20, -1e20]),
    ),
)
orders = st.permutations(range(N)).map(np.array)


@every
@settings(max_examples=25, deadline=None)
@given(updates=any_updates, order=orders)
def test_with_client_ids_the_order_of_rows_changes_no_bit(member, updates, order):
    context, shuffled = (
        context_for(u, i)
        for u, i in ((updates, list(range(N))), (updates[order], order.tolist()))
    )
    state = None
    for _ in range(2):
        try:
            found = member.rule(updates, state, context)
        except ValueError as error:
            with pytest.raises(ValueError, match=re.escape(str(error))):
                member.rule(updates[order], state, shuffled)
            return
        same_bits(found, member.rule(updates[order], state, shuffled), order)
        state = found.state


@members("any_order")
def test_without_client_ids_the_order_of_tie_free_rows_changes_no_bit(member, rng):
    if isinstance(member.rule, MoNNA):
        pytest.skip("it trusts a client, which is then a row")
    for width in (1, 3, 60, 20_000):
        updates = honest(rng, d=width)
        context = replace(context_for(updates), clients=None)
        found = member.rule(updates, None, context)
        for _ in range(4):
            order = rng.permutation(N)
            shuffled = member.rule(updates[order], None, context.only(order))
            assert shuffled.vector.tobytes() == found.vector.tobytes()
            if found.selected is not None:
                assert sorted(order[shuffled.selected]) == found.selected.tolist()


@pytest.mark.parametrize(
    "member",
    [m for m in MEMBERS if m.any_order and not m.rule.keeps_order],
    ids=repr,
)
@settings(max_examples=25, deadline=None)
@given(updates=any_updates, order=orders)
def test_a_rule_that_does_not_rank_rows_gives_the_same_bits_for_any_order(
    member, updates, order
):
    context = replace(context_for(updates), clients=None)
    vectors = [
        member.rule(updates[rows], None, context.only(rows)).vector
        for rows in (np.arange(N), order)
    ]
    assert vectors[0].tobytes() == vectors[1].tobytes()


def test_ties_go_to_the_lowest_client_id_and_without_ids_to_the_lowest_row():
    # With two neighbours each, 4 1 3 0 score 10 5 5 10.
    four = np.array([[4], [1], [3], [0]], np.float32)
    assert Krum(f=0)(four).selected == [1]
    for clients, selected in (([9, 7, 8, 5], [1]), ([9, 8, 7, 5], [2])):
        context = RuleContext(clients=clients)
        assert Krum(f=0)(four, context=context).selected == selected
    # 4 1 3 0 2 score 5 2 2 5 2: of the two ends one is left out.
    five = np.array([[4], [1], [3], [0], [2]], np.float32)
    np.testing.assert_array_equal(MultiKrum(f=1)(five).selected, [0, 1, 2, 4])
    found = MultiKrum(f=1)(five, context=RuleContext(clients=[9, 7, 8, 5, 6]))
    np.testing.assert_array_equal(found.selected, [1, 2, 3, 4])
    np.testing.assert_array_equal(found.diagnostics["scores"], [5, 2, 2, 5, 2])


def test_rows_are_taken_in_the_order_of_ids_and_results_are_the_callers():
    updates = np.array([[3.0], [1.0], [2.0]], np.float32)
    context = RuleContext(clients=[30, 10, 20], num_examples=np.array([4, 1, 3]))
    found = Mean(weighted=True)(updates, context=context)
    assert found.vector == pytest.approx((12 + 1 + 6) / 8)
    np.testing.assert_array_equal(found.weights, [0.5, 0.125, 0.375])
    kept = CGE(f=1)(updates, context=context)
    np.testing.assert_array_equal(kept.selected, [1, 2])
    np.testing.assert_array_equal(kept.diagnostics["scores"], [3, 1, 2])


@pytest.mark.parametrize("name", ["clients", "num_examples", "losses"])
def test_a_field_of_the_context_needs_an_entry_for_each_row(name):
    context = RuleContext(**{name: np.arange(1, 4)})
    for part in (Mean(), NNM(f=1)):
        with pytest.raises(ValueError, match=f"context.{name} must have one entry"):
            part(np.zeros((4, 2), np.float32), context=context)


@pytest.mark.parametrize("count", [np.inf, np.nan, 0, -1, 1.5e308])
@pytest.mark.parametrize("rule", [Mean(weighted=True), SFAT(weighted=True)])
def test_declared_examples_must_be_finite_and_above_0(rule, count):
    context = RuleContext(num_examples=np.array([1.5e308, count]), losses=np.ones(2))
    with pytest.raises(ValueError, match="num_examples above 0 and finite"):
        rule(np.ones((2, 2), np.float32), context=context)


@members("translates")
def test_translation_moves_the_output_along(member, rng):
    updates = honest(rng)
    shift = rng.normal(size=60).astype(np.float32)
    vector = aggregate(member, updates).vector
    np.testing.assert_allclose(
        aggregate(member, updates + shift).vector, vector + shift, atol=1e-5
    )


@members("scales")
def test_a_positive_factor_scales_the_output(member, rng):
    updates = honest(rng)
    vector = aggregate(member, updates).vector
    np.testing.assert_allclose(
        aggregate(member, 4 * updates).vector, 4 * vector, atol=1e-5
    )


@members("identical")
def test_identical_rows_give_that_row(member, rng):
    row = honest(rng, n=1)[0]
    vector = aggregate(member, np.tile(row, (N, 1))).vector
    np.testing.assert_allclose(vector, row, rtol=1e-6)


@every
def test_ties_are_broken_by_the_lowest_row(member):
    updates = np.repeat(np.eye(2, 4, dtype=np.float32), [N - 2, 2], axis=0)
    found = aggregate(member, updates)
    if found.selected is not None and len(found.selected) < N - 2:
        np.testing.assert_array_equal(found.selected, range(len(found.selected)))


@every
def test_the_minimum_of_clients_is_enough_and_one_fewer_is_refused(member):
    n = max(member.rule.min_clients, (member.rule.trusted or 0) + 1)
    updates = np.eye(n, 4, dtype=np.float32) + 0.5
    assert np.isfinite(aggregate(member, updates).vector).all()
    with pytest.raises(ValueError, match="at least"):
        aggregate(member, np.zeros((member.rule.min_clients - 1, 4), np.float32))


@every
def test_with_f_zero_every_rule_is_defined(member, rng):
    if member.rule.f is not None:
        rule = type(member.rule)(f=0)
        updates = honest(rng, n=max(3, rule.min_clients))
        context = context_for(updates)
        assert np.isfinite(rule(updates, None, context).vector).all()


@every
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_is_refused(member, bad):
    updates = np.zeros((N, 4), np.float32)
    updates[5, 2] = bad
    with pytest.raises(ValueError, match="row 5 is not finite"):
        aggregate(member, updates)


@every
@pytest.mark.parametrize("name", ["num_examples", "root_update", "parameters"])
def test_a_missing_field_of_the_context_is_named(member, name):
    needed = name in member.rule.needs or (
        name == "num_examples" and member.rule == Mean(weighted=True)
    )
    updates = np.ones((N, 4), np.float32)
    context = replace(context_for(updates), **{name: None})
    if needed:
        with pytest.raises(ValueError, match=f"needs context.{name}"):
            member.rule(updates, None, context)
    else:
        assert member.rule(updates, None, context).vector.shape == (4,)


@members("hull")
@pytest.mark.parametrize("size", SIZES)
def test_f_bad_rows_cannot_drag_the_result_out_of_the_honest_hull(member, size, rng):
    updates = attacked(rng, size)
    good = updates[F:]
    low, high = good.min(axis=0), good.max(axis=0)
    slack = member.hull * (high - low) + 1e-5
    vector = aggregate(member, updates).vector
    assert (vector >= low - slack).all()
    assert (vector <= high + slack).all()


@members("longest")
@pytest.mark.parametrize("size", SIZES)
def test_f_bad_rows_cannot_make_the_result_longer_than_the_median_row(
    member, size, rng
):
    updates = attacked(rng, size)
    vector = aggregate(member, updates).vector
    bound = member.longest * np.median(norms(updates))
    assert norms(vector[None])[0] <= bound * (1 + 1e-5)


@every
@pytest.mark.parametrize("size", SIZES)
def test_a_huge_row_gives_no_nan(member, size, rng):
    with np.errstate(over="raise", invalid="raise"):
        vector = aggregate(member, attacked(rng, size, bad=1)).vector
    assert not np.isnan(vector).any()


def test_rules_with_a_radius_stay_within_it(rng):
    updates = attacked(rng, 1e20)
    context = context_for(updates)
    for rule, bound in (
        (CenteredClipping(tau=0.5, iterations=3), 1.5),
        (NormClipping(max_norm=2.0), 2.0),
        (FLTrust(), np.linalg.norm(context.root_update)),
    ):
        length = np.linalg.norm(rule(updates, None, context).vector.astype(float))
        assert length <= bound * (1 + 1e-6), rule


def test_one_bad_row_controls_the_mean():
    updates = np.zeros((N, 1), np.float32)
    updates[0] = 11e9
    for weighted in (False, True):
        found = Mean(weighted=weighted)(updates, None, context_for(updates))
        assert found.vector == pytest.approx(1e9)


@every
def test_nearly_equal_rows_keep_their_digits(member, rng):
    row = honest(rng, n=1, d=100)[0]
    updates = row + np.float32(1e-6) * rng.normal(size=(N, 100)).astype(np.float32)
    found = aggregate(member, updates)
    assert np.isfinite(found.vector).all()
    if member.identical:
        np.testing.assert_allclose(found.vector, row, atol=1e-5)


@every
@pytest.mark.parametrize("d", [1, 1_000_000])
def test_any_width(member, d):
    rng = np.random.default_rng(0)
    updates = rng.standard_normal((N, d), dtype=np.float32) + np.float32(0.5)
    vector = aggregate(member, updates).vector
    assert vector.shape == (d,)
    assert np.isfinite(vector).all()
