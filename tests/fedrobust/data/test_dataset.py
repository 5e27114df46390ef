"""The classes of a data set, and its labels."""

from dataclasses import dataclass

import numpy as np
import pytest

from fedrobust.data import Dataset, Split


@dataclass(frozen=True, kw_only=True)
class Labelled(Dataset):
    """Twelve black images with the labels from one number to another."""

    first: int
    last: int
    classes: int | None

    def read(self):
        x = np.zeros((12, 2, 2, 1), np.float32)
        y = np.resize(np.arange(self.first, self.last + 1), 12).astype(np.int32)
        if self.classes is None:
            return (x, y), (x, y)
        return Split(x, y, x, y, self.classes)


@pytest.mark.parametrize(
    ("first", "last", "classes", "declared"),
    [
        (1, 10, 11, 11),
        (1, 10, None, 11),
        (1, 3, 10, None),
        (1, 3, 10, 10),
        (2, 3, 10, None),
        (2, 3, None, 4),
        (0, 3, None, None),
        (0, 3, 4, None),
    ],
)
def test_classes_that_are_declared_may_have_no_example(first, last, classes, declared):
    data = Labelled(first=first, last=last, classes=classes, num_classes=declared)
    split = data.load()
    assert split.num_classes == (declared or classes or 4)
    assert (split.y_train.min(), split.y_train.max()) == (first, last)


@pytest.mark.parametrize(
    ("first", "last", "classes", "declared"),
    [
        (1, 10, 11, None),
        (1, 10, 11, 10),
        (1, 10, None, None),
        (1, 10, None, 10),
        (1, 10, 10, None),
        (1, 10, 10, 10),
        (2, 3, None, None),
    ],
)
def test_labels_that_start_above_0_are_refused(first, last, classes, declared):
    data = Labelled(first=first, last=last, classes=classes, num_classes=declared)
    told = f"begin at {first}: they must begin at 0, so subtract {first}"
    with pytest.raises(ValueError, match=told):
        data.load()
