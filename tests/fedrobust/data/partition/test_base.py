"""Every partition: whom it gives what, and how it is kept."""

import numpy as np

from fedrobust.assembly import Experiment, forget
from tests.fedrobust.record.tiny import configured


def test_a_partition_that_is_kept_is_checked_and_made_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    config = configured("num_clients=3", "partition=dirichlet", "num_rounds=1")
    forget()
    dealt = Experiment(config).partition
    digest = Experiment(config).partition_digest
    (path,) = (tmp_path / "partitions").iterdir()
    whole = dict(np.load(path))
    rows, bounds = whole["rows"], whole["bounds"]
    swapped = rows.copy()
    swapped[[0, -1]] = swapped[[-1, 0]]
    changed = [
        {"rows": swapped},
        {"rows": rows + 10**6},
        {"rows": rows.astype(float)},
        {"rows": rows[None]},
        {"bounds": bounds[:-1]},
        {"bounds": bounds[::-1]},
        {"bounds": bounds - 1},
        {"bounds": np.int64(3)},
        {"digest": np.array("0" * 16)},
        {"digest": np.array([str(whole["digest"])] * 2)},
        {"digest": np.array([str(whole["digest"])])},
        {"digest": np.array(str(whole["digest"]).encode())},
        {"digest": np.zeros(0)},
        {"digest": np.zeros((), "i4,f4")},
    ]
    for change in changed:
        np.savez(path, **{**whole, **change})
        forget()
        for a, b in zip(dealt, Experiment(config).partition, strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(np.load(path)["rows"], rows)
    for content in (b"", b"PK\x03\x04", path.read_bytes()[:200]):
        path.write_bytes(content)
        forget()
        assert Experiment(config).partition_digest == digest
        np.testing.assert_array_equal(np.load(path)["rows"], rows)
    # As versions before wrote it.
    np.savez(path, rows=rows, bounds=bounds)
    forget()
    assert Experiment(config).partition_digest == digest
    assert np.load(path)["digest"] == digest
    forget()
