"""Every partition: whom it gives what, and how it is kept."""

import numpy as np
import pytest

from fedrobust.assembly import Experiment, forget
from fedrobust.data import Dirichlet, Iid, LabelSorted, Pathological, Shards
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


PARTITIONS = [
    Iid(),
    Dirichlet(alpha=0.5),
    Dirichlet(alpha=100, self_balancing=False),
    Shards(),
    Pathological(classes_per_client=3),
]


def test_a_partition_that_cannot_be_cached_is_still_made(digits, monkeypatch):
    monkeypatch.setenv("FEDROBUST_DATA", "/dev/null/nowhere")
    with pytest.warns(UserWarning, match="cannot be cached"):
        assert len(Iid()(digits, 3)) == 3


@pytest.mark.parametrize("partition", PARTITIONS, ids=repr)
def test_every_image_is_dealt_to_one_client(partition, digits):
    rows = partition(digits, 8)
    assert len(rows) == 8
    dealt = np.concatenate(rows)
    assert len(set(dealt)) == len(dealt)
    left_over = 1437 % 16 if isinstance(partition, Shards) else 0
    assert len(dealt) == 1437 - left_over


@pytest.mark.parametrize("partition", PARTITIONS, ids=repr)
def test_a_partition_depends_on_its_seed_and_is_cached(
    partition, digits, tmp_path, monkeypatch
):
    from dataclasses import replace

    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path / "a"))
    first = partition(digits, 8)
    (kept,) = (tmp_path / "a" / "partitions").iterdir()
    stamp = kept.stat().st_mtime_ns
    again = partition(digits, 8)
    assert kept.stat().st_mtime_ns == stamp
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path / "b"))
    anew = partition(digits, 8)
    other = replace(partition, seed=1)(digits, 8)
    for a, b, c in zip(first, again, anew, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    if not isinstance(partition, Pathological):  # its classes are dealt in turn
        assert any(
            len(a) != len(b) or (a != b).any()
            for a, b in zip(first, other, strict=True)
        )


@pytest.mark.parametrize("changed", ["flwr-datasets", "datasets", "our own deal"])
def test_a_partition_cached_by_another_version_is_not_used(
    changed, digits, tmp_path, monkeypatch
):
    from fedrobust.data.partition import base

    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    partition = LabelSorted()
    partition(digits, 4)
    partition(digits, 4)
    known = base.version
    monkeypatch.setattr(base, "version", lambda p: "0" if p == changed else known(p))
    if changed == "our own deal":
        monkeypatch.setattr(LabelSorted, "version", 2)
    partition(digits, 4)
    assert len(list((tmp_path / "partitions").iterdir())) == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: Iid(holdout=1.0),
    ],
)
def test_parameters_out_of_range(make):
    with pytest.raises(ValueError, match="must be"):
        make()
