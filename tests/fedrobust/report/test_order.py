"""Choices stand in the order of their names, the default of conf/ first."""

import re

import pytest

from fedrobust.report.order import rank
from tests.conftest import REPOSITORY


@pytest.mark.parametrize(
    ("group", "choices", "expected"),
    [
        ("strategy", "median krum fedavg mine", "fedavg krum median mine"),
        ("byzantine", "sign_flip alie none", "none alie sign_flip"),
        ("training", "pgd noise standard", "standard noise pgd"),
        ("training.epsilon", "none 0.3 0.05 10", "0.05 0.3 10 none"),
    ],
)
def test_the_default_of_conf_comes_first_then_numbers_then_names(
    group, choices, expected
):
    found = sorted(choices.split(), key=lambda choice: rank(group, choice))
    assert found == expected.split()


def test_the_order_knows_no_choice_by_name():
    """So a new rule or attack needs no entry here."""
    source = (REPOSITORY / "fedrobust/report/order.py").read_text(encoding="utf-8")
    names = {path.stem for path in (REPOSITORY / "conf").glob("*/*.yaml")}
    assert not names & set(re.findall(r'"(\w+)"', source))
