"""The hyper-parameters of attacks in the record."""

from fedrobust.attacks import FGSM
from fedrobust.evaluation.scores import hyperparameters


def test_an_attack_with_a_hidden_parameter_is_not_recorded():
    class Secretive(FGSM):
        def __init__(self, *, strength, **parameters):
            super().__init__(**parameters)
            object.__setattr__(self, "strength", strength)

    assert hyperparameters(Secretive(strength=3)) is None
    assert hyperparameters(FGSM(norm="l2"))["norm"] == "l2"
