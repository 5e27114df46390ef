"""Blocks of sorted labels, by hand."""

import pytest

from fedrobust.data import LabelSorted
from tests.fedrobust.data.partition.splits import labelled


def test_label_sorted_blocks_by_hand():
    split = labelled(2, 0, 1, 0, 2, 1, 0, 1, 2)  # sorted: rows 1 3 6, 2 5 7, 0 4 8
    cut = LabelSorted(blocks=3)(split, 5)
    assert [rows.tolist() for rows in cut[:3]] == [[1, 3, 6], [2, 5, 7], [0, 4, 8]]
    assert [len(set(rows)) for rows in cut[3:]] == [3, 3]  # drawn from all
    dealt = LabelSorted(blocks=3, stride=True)(split, 3)
    assert [rows.tolist() for rows in dealt] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    everybody = LabelSorted()(split, 2)
    assert [len(rows) for rows in everybody] == [5, 4]
    with pytest.raises(ValueError, match="blocks=4: must be at most num_clients=3"):
        LabelSorted(blocks=4).check(3, 9)
