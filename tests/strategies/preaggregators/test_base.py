"""What every pre-aggregator has from its base."""

import numpy as np
import pytest

from strategies.preaggregators import ARC, NNM, Bucketing, Clipping


@pytest.mark.parametrize(
    ("n", "s", "rows"), [(10, 2, 5), (11, 2, 6), (3, 5, 1), (6, 1, 6), (20, 3, 7)]
)
def test_the_number_of_rows_is_known_beforehand(n, s, rows):
    assert Bucketing(s=s).num_rows(n) == rows
    assert len(Bucketing(s=s)(np.zeros((n, 2), np.float32))) == rows
    assert NNM(f=1).num_rows(n) == ARC(f=1).num_rows(n) == Clipping().num_rows(n) == n
