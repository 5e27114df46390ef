"""What depends on several keys or components."""

import pytest

from fedrobust.errors import ConfigError


def test_one_worst_case_has_one_norm(configure):
    both = ["attack=[fgsm,pgd]", "attack.epsilon=0.5"]
    with pytest.raises(
        ConfigError, match=r"methods\.fgsm\.norm=l2: must be attack\.norm"
    ):
        configure(*both, "attack.methods.fgsm.norm=l2")
    methods = configure(*both, "attack.norm=l2").attack.methods
    assert {node["norm"] for node in methods.values()} == {"l2"}
