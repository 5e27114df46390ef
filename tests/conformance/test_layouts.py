"""How a matrix lies in memory changes neither a bit of the result nor the matrix."""

from dataclasses import fields, replace

import numpy as np
import pytest

from strategies.rules import GeometricMedian, Krum, Median, RuleContext
from tests.conformance.attackers import COLLUSIONS, context
from tests.conformance.members import MEMBERS, PREAGGREGATORS, N, context_for
from tests.strategies import one_round
from tests.strategies.one_round import record, replies_of


def strided(values):
    wide = np.full((2 * len(values), 3 * values.shape[1]), 7, np.float32)
    wide[::2, 1::3] = values
    return wide[::2, 1::3]


def backwards(values):
    return values[::-1, ::-1].copy()[::-1, ::-1]


def read_only(values):
    frozen = values.copy()
    frozen.setflags(write=False)
    return frozen


LAYOUTS = {
    "C": np.array,
    "Fortran": np.asfortranarray,
    "transposed": lambda values: values.T.copy().T,
    "strided": strided,
    "backwards": backwards,
    "read-only": read_only,
    "read-only Fortran": lambda values: read_only(values.T).T,
    "float64": lambda values: values.astype(np.float64),
    "float64 Fortran": lambda values: np.asfortranarray(values, np.float64),
    "big-endian": lambda values: values.astype(">f4"),
    "lists": lambda values: values.tolist(),
}
every_layout = pytest.mark.parametrize("layout", LAYOUTS)
RULES = [member.rule for member in MEMBERS]
every_width = pytest.mark.parametrize("d", [1, 60])


def updates(n, d):
    return (0.5 + np.random.default_rng(n).normal(size=(n, d))).astype(np.float32)


def bits(found):
    """All that a rule gives, as bytes; the state is what it makes of another round."""
    return [
        None if part is None else np.asarray(part).tobytes()
        for part in (found.vector, found.weights, found.selected)
    ] + [np.asarray(value).tobytes() for value in found.diagnostics.values()]


@every_layout
@every_width
@pytest.mark.parametrize("member", MEMBERS, ids=repr)
def test_a_rule_gives_the_same_bits_for_every_layout(member, d, layout):
    plain = updates(N, d)
    given, known = LAYOUTS[layout](plain), context_for(plain)
    root = LAYOUTS[layout](known.root_update[None])[0]  # vectors, too
    known = replace(known, root_update=root)
    first, wanted = (member.rule(m, None, known) for m in (given, plain.copy()))
    assert bits(first) == bits(wanted)
    np.testing.assert_array_equal(given, plain)
    second = member.rule(given, first.state, known)
    assert bits(second) == bits(member.rule(plain.copy(), wanted.state, known))
    np.testing.assert_array_equal(given, plain)


@pytest.mark.parametrize("part", [*RULES, *PREAGGREGATORS], ids=repr)
@pytest.mark.parametrize("ids", [list(range(N)), [(7 * i) % N for i in range(N)]])
def test_a_context_may_be_lists_whatever_the_order_of_its_clients(part, ids):
    plain = updates(N, 60)
    arrays = context_for(plain, ids)
    lists = RuleContext(
        **{
            field.name: np.asarray(getattr(arrays, field.name)).tolist()
            for field in fields(arrays)
        }
    )
    state = () if part in PREAGGREGATORS else (None,)
    found, wanted = (part(plain, *state, known) for known in (lists, arrays))
    if part in PREAGGREGATORS:
        assert found.tobytes() == wanted.tobytes()
    else:
        assert bits(found) == bits(wanted)


@every_layout
@every_width
@pytest.mark.parametrize("pre", PREAGGREGATORS, ids=repr)
def test_a_preaggregator_gives_the_same_bits_for_every_layout(pre, d, layout):
    plain = updates(N, d)
    given = LAYOUTS[layout](plain)
    found, wanted = (pre(m, context_for(plain)) for m in (given, plain.copy()))
    assert found.tobytes() == wanted.tobytes()
    np.testing.assert_array_equal(given, plain)
    assert not np.shares_memory(found, given)


@every_layout
@every_width
@pytest.mark.parametrize("attack", COLLUSIONS, ids=repr)
def test_a_collusion_gives_the_same_bits_for_every_layout(attack, d, layout):
    plain = updates(12, d)
    given, own = LAYOUTS[layout](plain), LAYOUTS[layout](plain[:4])
    known = replace(context(plain), own=own)
    assert (
        attack(given, 4, known).tobytes()
        == attack(plain.copy(), 4, context(plain)).tobytes()
    )
    np.testing.assert_array_equal(given, plain)
    np.testing.assert_array_equal(own, plain[:4])


def test_a_median_does_not_sort_the_column_that_it_was_given():
    # From the median 2 of 9, 0, 2 the weights are 1/7, 1/2, 10 of their sum, so that
    # z = (9/7 + 20) / (1/7 + 1/2 + 10) = 2; around it they are the same.
    column = np.array([[9], [0], [2]], np.float32)
    found = GeometricMedian(iterations=2, nu=0.1)(column)
    assert found.vector == pytest.approx(2.0)
    np.testing.assert_allclose(found.weights, np.array([2, 7, 140]) / 149, rtol=1e-6)
    rows = np.asfortranarray([[5, 5], [0, 1], [9, 9], [1, 0], [1, 1]], np.float32)
    before = Krum(f=1)(rows).selected
    Median()(rows)
    assert Krum(f=1)(rows).selected == before == [4]


@pytest.mark.parametrize("rule", [GeometricMedian(iterations=2, nu=0.1), Median()])
def test_a_model_of_one_value_is_aggregated_as_any_other(rule):
    strategy = one_round.configured(rule, 3, record(w=0))
    arrays, _ = strategy.aggregate_train(
        1, replies_of([record(w=w) for w in (9, 0, 2)])
    )
    assert arrays["w"].numpy() == pytest.approx(2.0)


NO_NUMBERS = {
    "complex128": np.ones((N, 2), complex),
    "masked array": np.ma.masked_array(np.ones((N, 2)), mask=False),
    "dtype object": np.full((N, 2), None),
    "dtype <U1": np.full((N, 2), "1"),
    "dtype datetime64": np.ones((N, 2), "M8[s]"),
    "not an array of numbers": [[1.0, 2.0], [1.0]],
    "not of shape": np.ones((N, 2, 1)),
}


@pytest.mark.parametrize("name", NO_NUMBERS)
def test_input_other_than_a_matrix_of_real_numbers_is_refused_by_name(name):
    bad, known = NO_NUMBERS[name], context_for(np.ones((N, 2), np.float32))
    for member in MEMBERS:
        with pytest.raises(ValueError, match=name):
            member.rule(bad, None, known)
    for pre in PREAGGREGATORS:
        with pytest.raises(ValueError, match=name):
            pre(bad, known)
    for attack in COLLUSIONS:
        with pytest.raises(ValueError, match=f"honest.*{name}"):
            attack(bad, 2)


@pytest.mark.parametrize(
    "field", ["num_examples", "root_update", "parameters", "losses"]
)
def test_a_context_without_real_numbers_is_refused_by_name(field):
    with pytest.raises(ValueError, match=rf"context\.{field} must be real numbers"):
        RuleContext(**{field: np.ones(3, complex)})


@pytest.mark.parametrize("cast", [np.int64, np.float16, np.longdouble, bool])
def test_every_kind_of_real_number_is_accepted(cast):
    given = np.array([[0, 1], [1, 0], [1, 1]]).astype(cast)
    np.testing.assert_array_equal(Median()(given).vector, [1, 1])
