"""Every parameter of every evasion attack is of its kind when the attack is made."""

from dataclasses import fields, replace
from typing import get_type_hints

import numpy as np
import pytest

from fedrobust.attacks import CWL2, FFGSM, PGD, AutoAttack, Transfer
from fedrobust.attacks.base import Attack
from fedrobust.epsilon import Epsilon
from tests.conformance.evasions import WITH_NOISE

NAN, INFINITE = float("nan"), float("inf")
# By kind, what is not of it and what is out of every range.
WRONG = {
    int: [2.5, 1.0, True, "1", 0, -1, None],
    float: [True, "0.1", NAN, INFINITE, -INFINITE, None],
    float | None: [True, "0.1", NAN, INFINITE, 0, -0.1],
    bool: ["false", 0, 1.0, None],
    str: [3, "nothing", None],
    Epsilon: [True, NAN, INFINITE, -0.1, "-1/255", "x", None],
    tuple[float, float]: [
        (0.0, INFINITE),
        (-INFINITE, 0.0),
        (0.0, NAN),
        (1.0, 1.0),
        (1.0, 0.0),
        (0.0,),
        (False, True),
        "01",
        (0.0, 1e39),
        None,
    ],
}
MEMBERS = {type(attack): attack for attack in [*WITH_NOISE, AutoAttack()]}
PARAMETERS = [
    (attack, name, kind)
    for kind_of_attack, attack in MEMBERS.items()
    for name, kind in get_type_hints(kind_of_attack).items()
    if name in {field.name for field in fields(attack)}
]


@pytest.mark.parametrize(("attack", "name", "kind"), PARAMETERS, ids=repr)
def test_a_wrong_parameter_is_refused_when_the_attack_is_made(attack, name, kind):
    for value in WRONG[kind]:
        with pytest.raises(ValueError, match=f"^{name}="):
            replace(attack, **{name: value})


@pytest.mark.parametrize("attack", MEMBERS.values(), ids=repr)
def test_numbers_of_numpy_and_lists_are_understood(attack):
    made = replace(attack, epsilon=np.float32(0.25), model_range=[0, 1])
    assert type(made.epsilon) is float
    assert made.epsilon == 0.25
    assert made == replace(attack, epsilon=0.25, model_range=(0, 1))


def test_custom_attacks_are_checked_without_calling_their_base_class():
    from dataclasses import dataclass

    @dataclass(frozen=True, kw_only=True)
    class Own(PGD):
        strength: float = 1.0

        def __post_init__(self):
            """Forget the base."""

    with pytest.raises(ValueError, match=r"^strength="):
        Own(strength=NAN)
    with pytest.raises(ValueError, match=r"^steps="):
        Own(steps=2.5)


def test_invalid_ranges_that_the_bounds_would_let_pass_are_refused():
    with pytest.raises(ValueError, match=r"^random_start='false': must be true or fal"):
        PGD(random_start="false")
    with pytest.raises(ValueError, match=r"^relative_step="):
        FFGSM(relative_step=NAN)
    with pytest.raises(ValueError, match=r"^model_range="):
        CWL2(model_range=(-INFINITE, INFINITE))
    with pytest.raises(ValueError, match=r"^attack="):
        Transfer(surrogate=None, attack="fedrobust.attacks.PGD")
    assert issubclass(PGD, Attack)
