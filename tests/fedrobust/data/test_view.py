"""A view of some rows."""

import numpy as np

from fedrobust.data.view import Rows


def test_rows_are_copied_when_they_are_asked_for():
    pool = np.arange(12.0).reshape(6, 2)
    rows = Rows(pool, np.array([5, 0, 3]))
    assert len(rows) == 3
    np.testing.assert_array_equal(rows[np.array([2, 0])], pool[[3, 5]])
    whole = rows[:]
    whole[:] = 0
    assert pool.sum() == 66
