"""The bounds of keys that no component checks."""

import pytest

from fedrobust.errors import ConfigError


@pytest.mark.parametrize("value", ["-0.1", "x", "1/0", ".nan", "[0.1,-1]", "true"])
def test_a_wrong_epsilon_is_refused_where_nothing_attacks(value, configure):
    with pytest.raises(ConfigError, match=r"attack\.epsilon=.*at least 0"):
        configure(f"attack.epsilon={value}")
