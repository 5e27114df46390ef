"""What every rule has from its base: input checks, light imports and little memory."""

import re
import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest

from strategies.rules import (
    Aggregate,
    CenteredClipping,
    GeometricMedian,
    Krum,
    Mean,
    Median,
    Rule,
    RuleContext,
    TrimmedMean,
)
from strategies.rules.base import FaultyRuleError
from tests.strategies.matrices import column


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Median()(np.zeros(3, np.float32)), r"must be \(n, d\)"),
        (lambda: Median()(column(1, np.nan, 2)), "row 1 is not finite"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_rules_are_usable_without_flower_and_tensorflow():
    import subprocess
    import sys

    code = (
        "import sys; from strategies.rules import Krum; "
        "print([m for m in ('flwr', 'tensorflow', 'fedrobust') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "rule",
    [
        Mean(),
        Median(),
        TrimmedMean(f=5),
        Krum(f=5),
        GeometricMedian(),
        CenteredClipping(tau=10.0),
    ],
    ids=lambda rule: type(rule).__name__,
)
def test_no_second_matrix_of_updates_is_made(rule):
    updates = np.random.default_rng(0).standard_normal((25, 400_000), np.float32)
    # As the strategy calls it; rows in another order are put into it by a copy.
    context = RuleContext(clients=range(25))
    tracemalloc.start()
    try:
        rule(updates, None, context)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 0.5 * updates.nbytes


@dataclass(frozen=True, kw_only=True)
class Own(Rule):
    """A rule of a user that returns or raises anything."""

    found: object = None
    min_clients = 1

    def aggregate(self, updates, state, context):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@pytest.mark.parametrize("context", [None, RuleContext(clients=(1, 0))])
def test_a_rule_that_breaks_its_interface_is_named(context):
    name = f"{__name__}.Own.aggregate"
    updates = np.eye(2, dtype=np.float32)
    cases = {
        "returned ndarray: must return an Aggregate": updates[0],
        "returned NoneType: must return an Aggregate": None,
        "raised TypeError: no len": TypeError("no len"),
        "raised AttributeError: x": AttributeError("x"),
    }
    for words, found in cases.items():
        with pytest.raises(FaultyRuleError, match=f"^{re.escape(f'{name} {words}')}"):
            Own(found=found)(updates, context=context)
    # A rule that is undefined for its input says so as ever.
    with pytest.raises(ZeroDivisionError, match=r"^x$"):
        Own(found=ZeroDivisionError("x"))(updates, context=context)
    row = updates[0]
    assert Own(found=Aggregate(vector=row))(updates, context=context).vector is row
