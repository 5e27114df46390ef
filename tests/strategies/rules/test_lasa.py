"""LASA and its judgement of each layer, by hand."""

import numpy as np
import pytest

from strategies.rules import LASA, RuleContext
from tests.strategies.matrices import rows

# Lengths 2, 2, 2, 10 and 2 with median 2: row 3 counts for a fifth.
# First half: the norms over sqrt 2 are 1 1 1 0.2 1: mean 0.84, deviation 0.32, so row 3
# lies 0.8 / 0.32 = 2.5 deviations off. Purities 1 1 1 1 0: deviation 0.4, row 4 is
# 1 / 0.4 = 2.5 off.
# Second half: norms 1 1 1 1.4 1: deviation 0.16, row 3 is 0.4 / 0.16 = 2.5 off.
# All signs are alike.
LAYERED = rows((1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 7, 7), (-1, -1, 1, 1))
HALVES = RuleContext(layers=[2, 2])


def test_lasa_judges_layers_by_hand():
    found = LASA(sparsity=0.0)(LAYERED, None, HALVES)
    np.testing.assert_array_equal(found.diagnostics["layers_kept"], [2, 2, 2, 0, 1])
    np.testing.assert_allclose(found.weights, np.array([2, 2, 2, 0, 1]) / 7)
    np.testing.assert_allclose(found.vector, [1, 1, 1, 1])


def test_lasa_with_a_wider_bound_keeps_the_long_update_clipped():
    # First half: rows 0 to 3, (3 + 0.2) / 4. Second: all, (4 + 7 / 5) / 5.
    found = LASA(sparsity=0.0, norm_bound=3.0)(LAYERED, None, HALVES)
    np.testing.assert_allclose(found.vector, [0.8, 0.8, 1.08, 1.08], rtol=1e-6)


def test_lasa_without_layers_judges_the_update_as_one():
    # Clipped, all are 2 long. Purities 1 1 1 1 0.5: row 4 is 0.5 / 0.2 = 2.5 off.
    # Rows 0 to 3: (3 + 1 / 5) / 4 and (3 + 7 / 5) / 4.
    found = LASA(sparsity=0.0)(LAYERED)
    np.testing.assert_allclose(found.vector, [0.8, 0.8, 1.1, 1.1], rtol=1e-6)


def test_lasa_ignores_small_values_when_it_judges_but_not_when_it_averages():
    updates = rows(*[(3, 3, 1, 1)] * 4, (3, 3, -1, -1))
    # Purities 1 1 1 1 0.5 as above; without the smaller half of the values all are 1.
    np.testing.assert_allclose(LASA(sparsity=0.0)(updates).vector, [3, 3, 1, 1])
    np.testing.assert_allclose(LASA(sparsity=0.5)(updates).vector, [3, 3, 0.6, 0.6])


def test_lasa_refuses_layers_that_do_not_fit():
    with pytest.raises(ValueError, match=r"layers=\[2, 3\]: must sum to d=4"):
        LASA()(LAYERED, None, RuleContext(layers=[2, 3]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LASA(sparsity=1.0), r"sparsity=1.0: must be in \[0, 0.999\]"),
        (lambda: LASA(norm_bound=0.0), "norm_bound=0.0: must be above 0"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
