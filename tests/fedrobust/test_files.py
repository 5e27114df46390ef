"""Files that are written whole, and the JSON in them."""

import sys

import numpy as np

from fedrobust import files
from fedrobust.files import to_json


def test_records_take_the_numbers_of_numpy_and_those_json_has_not():
    text = to_json({"a": np.int64(7), "b": [np.float32(0.5), np.nan, -np.inf]})
    assert text == '{"a": 7, "b": [0.5, null, null]}'


def test_where_python_has_no_fcntl_no_lock_counts_as_held(tmp_path, monkeypatch):
    with files.locked(tmp_path / ".lock"):
        assert files.is_held(tmp_path / ".lock")
        # As on Windows, where importing the module must not need it either.
        monkeypatch.setitem(sys.modules, "fcntl", None)
        assert not hasattr(files, "fcntl")
        assert not files.is_held(tmp_path / ".lock")
