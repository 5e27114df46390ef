"""The README names everything there is."""

import pytest

from fedrobust.config.compose import groups
from tests.conftest import REPOSITORY

GROUPS = (
    "strategy",
    "attack",
    "training",
    "byzantine",
    "preaggregator",
    "strategy/server_optimizer",
)
README = (REPOSITORY / "README.md").read_text()


@pytest.mark.parametrize("group", GROUPS)
def test_every_choice_has_a_row(group: str):
    for choice in groups()[group].keys() - {"none"}:
        rows = (f"| `{choice}` |", f"| `{group}={choice}` |")
        assert any(row in README for row in rows), f"{group}={choice} has no row"


def test_the_numbers_of_choices_are_right():
    assert f"| `strategy` | {len(groups()['strategy'])} rules" in README
    assert f"| `training` | {len(groups()['training'])} kinds" in README
    assert f"`none`, and {len(groups()['byzantine']) - 1} attacks" in README
    assert f"`none`, and {len(groups()['attack']) - 1} evasion attacks" in README
