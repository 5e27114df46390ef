"""Files of data that are something else."""

from pathlib import Path

import numpy as np
import pytest

from fedrobust.errors import ConfigError
from tests.fedrobust.record.tiny import configured


def array_header(path: Path, shape: str) -> None:
    """Write an npz file whose first array claims to have another shape than it has."""
    import zipfile

    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    raw = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    with zipfile.ZipFile(path, "w") as file:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            file.writestr(f"{name}.npy", raw + b"\x00" * 9)


DATA = {
    "an array of 29 TB": lambda path: array_header(path, "(29000000000000,)"),
    "a shape that is none": lambda path: array_header(path, "(-1, 2)"),
    "an npy file": lambda path: np.save(path.open("wb"), np.zeros(3)),
    "an empty file": lambda path: path.write_bytes(b""),
    "a folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("kind", DATA)
def test_a_data_file_that_is_something_else_is_told(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    path = tmp_path / "mine.npz"
    DATA[kind](path)
    with pytest.raises(ConfigError) as caught:
        configured("dataset=mnist", "dataset.name=mine")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
