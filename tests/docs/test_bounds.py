"""The bounds that the reference tells are those that a run is held to."""

import re

import pytest

from fedrobust.config.conf_folder import config_dir
from fedrobust.errors import ConfigError
from fedrobust.report.catalogue import parameters_of
from fedrobust.report.conf_file import options_of
from fedrobust.training import LocalTraining


def told() -> list[tuple[str, str]]:
    """List the keys whose comment or docstring tells a lower bound, and the bound."""
    values = parameters_of(LocalTraining)
    found = []
    for option in options_of(config_dir() / "config.yaml"):
        text = option.comment
        if option.key.startswith("training."):
            text += " " + values.get(option.key.removeprefix("training."), "")
        if bound := re.search(r"at least (\d+)", text):
            found.append((option.key, bound[1]))
    return found


def test_there_are_bounds_to_test():
    assert {"num_clients", "evaluation.every", "strategy.f"} <= dict(told()).keys()


@pytest.mark.parametrize(("key", "bound"), told())
def test_a_value_below_the_bound_is_refused_and_names_the_key(configure, key, bound):
    with pytest.raises(ConfigError, match=rf"^{key.replace('.', '.*')}=-?\d+"):
        configure(f"{key}={int(bound) - 1}")


@pytest.mark.parametrize(
    "override",
    [
        "seed=4294967296",
        "seed=-1",
        "participation=0",
        "participation=1.1",
        "training.fraction=1.5",
        "num_byzantine=11",
        "checks=some",
        "byzantine_clients=[1,1]",
    ],
)
def test_a_value_beyond_its_range_is_refused(configure, override):
    with pytest.raises(ConfigError, match=override.split("=")[0].rpartition(".")[2]):
        configure(override)
