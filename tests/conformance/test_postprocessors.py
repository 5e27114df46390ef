"""The properties that every postprocessor must have, run by every postprocessor."""

import dataclasses

import numpy as np
import pytest

import strategies.postprocessors as postprocessors
from strategies.postprocessors import (
    AdaptiveClientDP,
    ClientDP,
    Postprocessor,
    PostprocessorContext,
)
from strategies.rules import Aggregate
from tests.own_postprocessors import Momentum, Noise
from tests.states import bits, stored

PRIVATE: list[Postprocessor] = [
    ClientDP(clip=0.5, noise_multiplier=0.0, expected_clients=3),
    ClientDP(clip=2.0, noise_multiplier=1.1, expected_clients=4.5, seed=2**127 + 1),
    AdaptiveClientDP(clip=0.5, noise_multiplier=0.0, expected_clients=3),
    AdaptiveClientDP(
        clip=2.0,
        noise_multiplier=1.1,
        expected_clients=3,
        quantile=0.9,
        count_noise=1,
        seed=5,
    ),
]
MEMBERS = [Momentum(), Momentum(beta=0.0), Noise(scale=0.1), *PRIVATE]
every = pytest.mark.parametrize("part", MEMBERS, ids=repr)


def updates_of(round: int, d: int = 20) -> np.ndarray:
    rows = np.random.default_rng(round).normal(size=(3, d)).astype(np.float32)
    rows.setflags(write=False)
    return rows


def vector_of(round: int) -> np.ndarray:
    return updates_of(round)[0].copy()


def applied(part: Postprocessor, round: int, state=None, seed: int = 7, d: int = 20):
    updates = updates_of(round, d)
    bounded = part.bound(updates, state)
    vector = bounded.updates.mean(axis=0)
    context = PostprocessorContext(
        aggregate=Aggregate(vector=vector),
        clients=[3, 4, 8],
        expected=5,
        round=round,
        seed=seed,
        seen=bounded.seen,
    )
    return part(vector, state, context)


def test_every_postprocessor_is_run_here():
    exported = {getattr(postprocessors, name) for name in postprocessors.__all__}
    members = {
        cls
        for cls in exported
        if issubclass(cls, Postprocessor) and not cls.__abstractmethods__
    }
    assert members <= {type(part) for part in MEMBERS}


@every
@pytest.mark.parametrize("d", [1, 20, 100_003])
def test_the_result_is_a_finite_vector_of_the_same_form(part, d):
    found = applied(part, 1, d=d)
    assert (found.vector.shape, found.vector.dtype) == ((d,), np.float32)
    assert np.isfinite(found.vector).all()


@every
def test_it_is_a_pure_function_of_vector_state_and_context(part):
    state = applied(part, 1).state
    before = bits(stored(state))
    first, again = applied(part, 2, state), applied(part, 2, state)
    assert bits(tuple(first)) == bits(tuple(again))
    assert bits(state) == before


@every
def test_the_vector_it_is_given_may_be_read_only(part):
    vector = vector_of(1)
    vector.setflags(write=False)
    context = PostprocessorContext(aggregate=Aggregate(vector=vector), expected=5)
    part(vector, None, context)


@every
def test_it_goes_on_from_a_stored_state_with_the_same_bits(part):
    state = None
    for round in (1, 2, 3):
        state = applied(part, round, state).state
    again = stored(state)
    assert bits(again) == bits(state)
    for round in (4, 5):
        one, other = applied(part, round, state), applied(part, round, again)
        assert bits(tuple(one)) == bits(tuple(other))
        state, again = one.state, other.state


@every
def test_it_is_frozen(part):
    name = next((field.name for field in dataclasses.fields(part)), "anything")
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(part, name, 1)


@every
def test_bounded_updates_are_as_many_and_as_wide(part):
    found = part.bound(updates_of(1), None).updates
    assert (found.shape, found.dtype) == ((3, 20), np.float32)


@pytest.mark.parametrize("part", PRIVATE, ids=repr)
def test_a_private_one_releases_something_in_a_round_without_updates(part):
    vector = np.zeros(20, np.float32)
    context = PostprocessorContext(aggregate=Aggregate(vector=vector), expected=5)
    found = part(vector, None, context)
    assert found.vector.any() == (part.noise_multiplier > 0)
    assert "median_norm" not in found.diagnostics


@pytest.mark.parametrize("part", PRIVATE, ids=repr)
def test_a_private_one_does_not_print_the_key_of_its_noise(part):
    assert "seed" not in repr(part)
