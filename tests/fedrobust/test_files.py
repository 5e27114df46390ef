"""Files that are written whole, and the JSON in them."""

import numpy as np

from fedrobust.files import to_json


def test_records_take_the_numbers_of_numpy_and_those_json_has_not():
    text = to_json({"a": np.int64(7), "b": [np.float32(0.5), np.nan, -np.inf]})
    assert text == '{"a": 7, "b": [0.5, null, null]}'
