"""The bundled digits."""

import numpy as np
import pytest

from fedrobust.data import Digits


def test_digits_are_in_the_unit_range_and_split_for_good():
    split = Digits().load()
    assert split.x_train.shape == (1437, 8, 8, 1)
    assert split.x_test.shape == (360, 8, 8, 1)
    assert split.x_train.dtype == np.float32
    assert split.x_train.min() == 0
    assert split.x_train.max() == 1
    assert split.num_classes == 10
    assert split.class_names == [*"0123456789"]
    again = Digits(num_train=100).load()
    np.testing.assert_array_equal(again.x_train, split.x_train[:100])
    np.testing.assert_array_equal(again.x_test, split.x_test)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Digits(num_train=0),
    ],
)
def test_parameters_out_of_range(make):
    with pytest.raises(ValueError, match="must be"):
        make()
