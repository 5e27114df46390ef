"""The properties that every Byzantine attack must have, run by every attack."""

import dataclasses

import numpy as np
import pytest

import fedrobust.byzantine as byzantine
from fedrobust.byzantine import (
    Backdoor,
    ClientContext,
    Collusion,
    DataPoisoning,
    FangFlanders,
    MaskedRobustness,
    Mimic,
    Tampering,
)
from tests.conformance.attackers import (
    COLLUSIONS,
    POISONINGS,
    TAMPERINGS,
    B,
    H,
    context,
)
from tests.states import bits, stored

every_collusion = pytest.mark.parametrize("attack", COLLUSIONS, ids=repr)
every_tampering = pytest.mark.parametrize("attack", TAMPERINGS, ids=repr)
every_poisoning = pytest.mark.parametrize("attack", POISONINGS, ids=repr)
every_backdoor = pytest.mark.parametrize(
    "attack", [a for a in POISONINGS if isinstance(a, Backdoor)], ids=repr
)


def craft(attack: Collusion, honest: np.ndarray, b: int = B) -> np.ndarray:
    return attack(honest, b, context(honest, b))


def updates(h: int = H, d: int = 50) -> np.ndarray:
    return (0.3 + np.random.default_rng(0).normal(size=(h, d))).astype(np.float32)


def check_form(crafted: np.ndarray, b: int, d: int) -> None:
    assert crafted.shape == (b, d)
    assert crafted.dtype == np.float32
    assert np.isfinite(crafted).all()


def test_every_attack_is_run_here():
    exported = {getattr(byzantine, name) for name in byzantine.__all__}
    attacks = {
        cls
        for cls in exported
        if isinstance(cls, type)
        and issubclass(cls, Collusion | Tampering | DataPoisoning)
        and not cls.__abstractmethods__
    }
    assert attacks <= {type(a) for a in (*COLLUSIONS, *TAMPERINGS, *POISONINGS)}


@pytest.mark.parametrize("attack", [*COLLUSIONS, *TAMPERINGS, *POISONINGS], ids=repr)
def test_attacks_are_frozen(attack):
    name = next((f.name for f in dataclasses.fields(attack)), "anything")
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(attack, name, 1)


# --- collusion ----------------------------------------------------------------------


@every_collusion
@pytest.mark.parametrize("d", [1, 50, 100_003])
def test_crafted_updates_are_finite_float32_and_honest_ones_untouched(attack, d):
    honest = updates(d=d)
    before = honest.copy()
    check_form(craft(attack, honest), B, d)
    np.testing.assert_array_equal(honest, before)


@every_collusion
def test_honest_updates_may_be_read_only(attack):
    honest = updates()
    honest.setflags(write=False)
    crafted = craft(attack, honest)
    assert not np.shares_memory(crafted, honest)


@every_collusion
def test_crafting_twice_gives_the_same_bits(attack):
    honest = updates()
    np.testing.assert_array_equal(craft(attack, honest), craft(attack, honest))


@every_collusion
def test_its_memory_is_stored_and_it_goes_on_from_it_with_the_same_bits(attack):
    def crafted(round, memory):
        honest = np.float32(round) * updates() + np.float32(round % 2)
        known = dataclasses.replace(context(honest), round=round, memory=memory)
        return attack(honest, B, known)

    memory: dict = {}
    for round in (1, 2, 3):
        crafted(round, memory)
    again = stored(memory)
    assert bits(again) == bits(memory)
    for round in (4, 5):
        np.testing.assert_array_equal(crafted(round, again), crafted(round, memory))
    assert bits(again) == bits(memory)


FOLLOWS_ONE_CLIENT = (Mimic(mode="fixed"), FangFlanders())


@pytest.mark.parametrize(
    "attack", [a for a in COLLUSIONS if a not in FOLLOWS_ONE_CLIENT], ids=repr
)
def test_order_of_rows_does_not_matter(attack):
    honest = updates()
    shuffled = honest[np.random.default_rng(1).permutation(H)]
    same_knowledge = context(honest)
    crafted = attack(shuffled, B, same_knowledge)
    np.testing.assert_allclose(crafted, craft(attack, honest), rtol=1e-6, atol=1e-6)


@every_collusion
@pytest.mark.parametrize("h", [1, 2])
@pytest.mark.parametrize("b", [1, 2])
def test_few_honest_updates_work_or_are_refused(attack, h, b):
    honest = updates(h=h)
    own = updates(h=b)
    known = dataclasses.replace(context(honest, b), own=own)
    try:
        crafted = attack(honest, b, known)
    except ValueError:
        return
    check_form(crafted, b, 50)


@every_collusion
def test_equal_honest_updates_are_handled(attack):
    honest = np.tile(updates(h=1), (H, 1))
    check_form(craft(attack, honest), B, 50)
    zeros = np.zeros((H, 5), np.float32)
    check_form(craft(attack, zeros), B, 5)


@every_collusion
@pytest.mark.parametrize("scale", [1e30, 3e38, 1e-30, 1e-44])
def test_huge_and_tiny_updates_give_finite_ones(attack, scale):
    limit = np.finfo(np.float32).max
    wide = updates().astype(np.float64) * scale
    check_form(craft(attack, wide.clip(-limit, limit).astype(np.float32)), B, 50)


@every_collusion
def test_bad_input_is_refused(attack):
    honest = updates()
    for bad in (np.nan, np.inf):
        broken = honest.copy()
        broken[1, 2] = bad
        with pytest.raises(ValueError, match="finite"):
            craft(attack, broken)
    with pytest.raises(ValueError, match="honest must be"):
        craft(attack, honest[:0])
    with pytest.raises(ValueError, match="num_byzantine=0"):
        attack(honest, 0, context(honest))
    for number in (1.0, True, "2"):
        with pytest.raises(ValueError, match=r"num_byzantine=.*an integer"):
            attack(honest, number, context(honest))
    with pytest.raises(ValueError, match="num_byzantine=10"):
        attack.check(10, 10)


# --- tampering ----------------------------------------------------------------------


@every_tampering
def test_tampered_updates_have_their_form_and_the_own_is_untouched(attack):
    update = updates(h=1)[0]
    before = update.copy()
    step = updates(h=2)[1]
    parameters = {
        "000/hidden/kernel": step[:30].reshape(6, 5),
        "001/out/kernel": step[30:45].reshape(5, 3),
        "002/out/bias": step[45:],
    }
    full = ClientContext(round=7, parameters=parameters, last_step=step)
    needs_parameters = isinstance(attack, MaskedRobustness)
    for known in (full,) if needs_parameters else (None, ClientContext(), full):
        sent = [attack.tamper(update, np.random.default_rng(2), known) for _ in "ab"]
        assert sent[0].shape == update.shape
        assert sent[0].dtype == np.float32
        np.testing.assert_array_equal(sent[0], sent[1])
        assert not np.shares_memory(sent[0], update)
    np.testing.assert_array_equal(update, before)
    assert attack.declare(10) >= 1


# --- poisoned data ------------------------------------------------------------------


def images(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random(shape, np.float32), rng.integers(0, 4, shape[0], np.int32)


@every_poisoning
@pytest.mark.parametrize("shape", [(30, 8, 8), (30, 9, 8, 3), (0, 8, 8, 1)])
def test_poisoned_data_have_their_form_and_the_clean_are_untouched(attack, shape):
    x, y = images(shape)
    before_x, before_y = x.copy(), y.copy()
    found = [
        attack.poison(x, y, 4, rng=np.random.default_rng(3), attacker=5) for _ in "ab"
    ]
    for poisoned, labels in found:
        assert poisoned.shape == x.shape
        assert poisoned.dtype == np.float32
        assert labels.shape == y.shape
        assert labels.dtype == np.int32
        assert ((poisoned >= 0) & (poisoned <= 1)).all()
        assert ((labels >= 0) & (labels < 4)).all()
        np.testing.assert_array_equal(poisoned, found[0][0])
        np.testing.assert_array_equal(labels, found[0][1])
    np.testing.assert_array_equal(x, before_x)
    np.testing.assert_array_equal(y, before_y)


@every_backdoor
@pytest.mark.parametrize("shape", [(30, 8, 8), (30, 9, 8, 3), (0, 8, 8, 1)])
def test_victims_are_images_of_other_classes_with_their_rows(attack, shape):
    x, y = images(shape)
    before = x.copy()
    victims, rows = attack.victims(x, y, 4)
    assert victims.shape == (len(rows), *shape[1:])
    assert victims.dtype == np.float32
    assert ((victims >= 0) & (victims <= 1)).all()
    assert len(set(rows)) == len(rows)
    assert (y[rows] != attack.target).all()
    np.testing.assert_array_equal(x, before)
