"""MoNNA and the client that it trusts."""

import numpy as np
import pytest

from strategies.rules import MoNNA, RuleContext
from tests.strategies.matrices import column


def test_monna_trusts_a_client_not_a_row():
    updates, context = column(0, 1, 10, 12, 2), RuleContext(clients=[7, 3, 5, 2, 4])
    # Client 3 is row 1: of distances 1, 0, 9, 11, 1 the three least.
    found = MoNNA(f=2, trusted=3)(updates, context=context)
    np.testing.assert_array_equal(found.selected, [0, 1, 4])
    assert found.vector == 1
    # Without ids, row 3 is client 3: distances 12, 11, 2, 0, 10.
    found = MoNNA(f=2, trusted=3)(updates)
    np.testing.assert_array_equal(found.selected, [2, 3, 4])
    assert found.vector == 8


def test_monna_without_its_trusted_client_is_undefined():
    context = RuleContext(clients=[7, 3, 5])
    with pytest.raises(ValueError, match="client 1 sent no update"):
        MoNNA(f=1, trusted=1)(column(0, 1, 2), context=context)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MoNNA(f=1, trusted=-1), "trusted=-1: must be at least 0"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
