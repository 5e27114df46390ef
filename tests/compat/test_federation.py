"""The federation that `make compat` runs on each version, on the one that is here."""

import pytest

from tests.compat.federation import EXPECTED, check


@pytest.mark.parametrize("rule", EXPECTED, ids=repr)
def test_a_hostile_client_is_quarantined_by_strategies_alone(rule):
    check(rule)
