"""Values of a configuration as typed ones."""

import pytest

from fedrobust.errors import ConfigError


def test_fractions_are_read_wherever_a_number_is_expected(configure):
    config = configure("attack=pgd", "attack.epsilon=8.0/255")
    assert config.attack.epsilons == [8 / 255]
    config = configure("attack=pgd", "attack.methods.pgd.step_size=2/255")
    assert config.attack.methods["pgd"]["step_size"] == 2 / 255
    with pytest.raises(ConfigError, match=r"step_size='2/0'"):
        configure("attack=pgd", "attack.methods.pgd.step_size=2/0")
