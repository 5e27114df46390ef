"""The distributed backdoor."""

import numpy as np
import pytest

from fedrobust.byzantine import DBA


def test_dba_attackers_learn_parts_and_victims_carry_all_of_them():
    x, y = np.zeros((2, 28, 28, 1), np.float32), np.ones(2, np.int32)
    attack = DBA(share=1.0)
    # The paper's MNIST trigger: bars of 4 pixels, 2 apart, in rows 0 and 3.
    bars = [(0, range(4)), (0, range(6, 10)), (3, range(4)), (3, range(6, 10))]
    whole = np.zeros((28, 28))
    for k, (row, columns) in enumerate(bars):
        part = np.zeros((28, 28))
        part[row, list(columns)] = 1
        whole += part
        for attacker in (k, k + 4):
            poisoned, labels = attack.poison(x, y, 10, attacker=attacker)
            np.testing.assert_array_equal(poisoned[0, :, :, 0], part)
            np.testing.assert_array_equal(labels, 0)
    images, _ = attack.victims(x, y, 10)
    np.testing.assert_array_equal(images[1, :, :, 0], whole)


def test_dba_is_refused_where_some_part_has_no_client():
    with pytest.raises(ValueError, match=r"parts=4: .* num_byzantine=3"):
        DBA().check(10, 3)
    DBA(parts=3).check(10, 3)
