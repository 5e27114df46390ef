"""Loading data sets, and dealing them to clients."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fedrobust.data import (
    Dataset,
    Digits,
    Dirichlet,
    DirichletPerClient,
    Iid,
    ImageFile,
    LabelSorted,
    MissingDataError,
    NaturalId,
    Pathological,
    Shards,
    Split,
    image_file,
)
from fedrobust.data.partition.dirichlet_per_client import _until_used_up
from fedrobust.data.view import Rows

PARTITIONS = [
    Iid(),
    Dirichlet(alpha=0.5),
    Dirichlet(alpha=100, self_balancing=False),
    Shards(),
    Pathological(classes_per_client=3),
]


def test_digits_are_in_the_unit_range_and_split_for_good():
    split = Digits().load()
    assert split.x_train.shape == (1437, 8, 8, 1)
    assert split.x_test.shape == (360, 8, 8, 1)
    assert split.x_train.dtype == np.float32
    assert split.x_train.min() == 0
    assert split.x_train.max() == 1
    assert split.num_classes == 10
    again = Digits(num_train=100).load()
    np.testing.assert_array_equal(again.x_train, split.x_train[:100])
    np.testing.assert_array_equal(again.x_test, split.x_test)


def write_npz(folder: Path, name: str = "tiny", **extra) -> None:
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(
        folder / f"{name}.npz",
        x_train=rng.integers(0, 256, (60, 4, 4)).astype(np.uint8),
        y_train=np.arange(60).astype(np.uint8)[:, None] % 3,
        x_test=rng.integers(0, 256, (6, 4, 4)).astype(np.uint8),
        y_test=np.arange(6) % 3,
        **extra,
    )


def test_a_custom_file_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    write_npz(tmp_path)
    split = ImageFile(name="tiny", input_shape=[4, 4, 1], num_classes=3).load()
    assert split.x_train.shape == (60, 4, 4, 1)
    assert split.y_train.shape == (60,)
    assert 0.9 < split.x_train.max() <= 1
    with pytest.raises(ValueError, match=r"input_shape=\[5, 5, 1\]: must be \[4, 4, 1"):
        ImageFile(name="tiny", input_shape=[5, 5, 1]).load()
    with pytest.raises(ValueError, match="num_classes=10: must be 3"):
        ImageFile(name="tiny", num_classes=10).load()
    with pytest.raises(ValueError, match="num_train=61"):
        ImageFile(name="tiny", num_train=61).load()


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


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("y_train", np.eye(3)[np.arange(60) % 3], r"has shape \(60, 3\): must be \(n,"),
        ("y_train", np.array(3), r"has shape \(\): must be \(n,\)"),
        ("y_train", np.arange(60) / 30, "holds 0.03.*: must be whole numbers"),
        ("y_train", np.full(60, np.nan), "holds nan: must be whole numbers"),
        ("y_train", np.full(60, "cat"), "has type <U3: must be whole numbers"),
        ("y_test", np.arange(6) - 1, "holds -1: must be whole numbers, at least 0"),
        ("y_train", np.arange(59), r"has shape \(59,\): must be \(60,\), as x_train"),
        ("y_test", np.arange(7), r"has shape \(7,\): must be \(6,\), as x_test"),
        ("x_test", np.zeros((6, 5, 5), np.uint8), r"must be images of \(4, 4, 1\), as"),
        ("x_test", np.zeros((6, 4, 4)), "has type float64 and x_train uint8: both"),
        ("x_train", np.zeros(60, np.uint8), r"has shape \(60,\): must be \(n, height"),
        ("ids_train", np.arange(6), r"has shape \(6,\): must be \(60,\)"),
    ],
)
def test_a_file_with_other_contents_is_refused(
    name, value, told, tmp_path, monkeypatch
):
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    write_npz(tmp_path)
    with np.load(tmp_path / "tiny.npz") as file:
        arrays = {**file, name: value}
    np.savez(tmp_path / "tiny.npz", **arrays)
    with pytest.raises(ValueError, match=rf"tiny\.npz: {name} .*{told}"):
        ImageFile(name="tiny").load()


def test_labels_may_be_whole_numbers_of_any_type(tmp_path, monkeypatch):
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    write_npz(tmp_path)
    expected = ImageFile(name="tiny").load()
    with np.load(tmp_path / "tiny.npz") as file:
        arrays = {**file, "y_train": file["y_train"].astype(float)}
    np.savez(tmp_path / "tiny.npz", **arrays)
    assert ImageFile(name="tiny").load().digest == expected.digest


def test_a_file_that_cannot_be_read_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    write_npz(tmp_path)
    whole = (tmp_path / "tiny.npz").read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"no zip file"):
        (tmp_path / "tiny.npz").write_bytes(content)
        with pytest.raises(MissingDataError, match="cannot be read"):
            ImageFile(name="tiny").check()


@pytest.mark.parametrize("lacks", ["x_train", "y_train", "x_test", "y_test"])
def test_a_file_that_lacks_an_array_is_reported(lacks, tmp_path, monkeypatch):
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    write_npz(tmp_path)
    with np.load(tmp_path / "tiny.npz") as file:
        arrays = {name: file[name] for name in file if name != lacks}
    np.savez(tmp_path / "tiny.npz", **arrays)
    with pytest.raises(MissingDataError, match=rf"lacks the arrays \['{lacks}'\]"):
        ImageFile(name="tiny").check()


def test_a_partition_that_cannot_be_cached_is_still_made(digits, monkeypatch):
    monkeypatch.setenv("FEDROBUST_DATA", "/dev/null/nowhere")
    with pytest.warns(UserWarning, match="cannot be cached"):
        assert len(Iid()(digits, 3)) == 3


def test_a_missing_data_set_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setattr(image_file, "DEBIAN_FASHION_MNIST", tmp_path / "no")
    with pytest.raises(MissingDataError, match=r"cifar10.npz.*dataset.download=true"):
        ImageFile(name="cifar10").load()
    with pytest.raises(MissingDataError, match="dataset-fashion-mnist"):
        ImageFile(name="fashion_mnist").check()
    ImageFile(name="mnist", download=True).check()
    with pytest.raises(MissingDataError):
        ImageFile(name="mine", download=True).check()


def test_keras_downloads_if_allowed_and_its_failure_is_reported(tmp_path, monkeypatch):
    from types import SimpleNamespace

    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    images, labels = np.zeros((3, 32, 32, 3), np.uint8), np.array([[0], [1], [9]])
    keras = SimpleNamespace(datasets=SimpleNamespace(cifar10=SimpleNamespace()))
    monkeypatch.setattr(image_file, "keras", keras)
    keras.datasets.cifar10.load_data = lambda: ((images, labels), (images, labels))
    split = ImageFile(name="cifar10", download=True).load()
    assert split.x_train.shape == (3, 32, 32, 3)
    np.testing.assert_array_equal(split.y_test, [0, 1, 9])

    def no_network():
        raise Exception("URL fetch failure")

    keras.datasets.cifar10.load_data = no_network
    with pytest.raises(MissingDataError, match="could not download cifar10: URL"):
        ImageFile(name="cifar10", download=True).load()


def test_fashion_mnist_from_debians_files(tmp_path, monkeypatch):
    def idx(values: np.ndarray) -> bytes:
        head = bytes([0, 0, 8, values.ndim])
        return head + np.array(values.shape, ">u4").tobytes() + values.tobytes()

    images = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    labels = np.array([0, 9], np.uint8)
    for stem in ("train", "t10k"):
        (tmp_path / f"{stem}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(idx(images))
        )
        (tmp_path / f"{stem}-labels-idx1-ubyte").write_bytes(idx(labels))
    monkeypatch.setattr(image_file, "DEBIAN_FASHION_MNIST", tmp_path)
    split = ImageFile(name="fashion_mnist").load()
    np.testing.assert_allclose(split.x_test[..., 0] * 255, images, atol=1e-4)
    np.testing.assert_array_equal(split.y_train, [0, 9])
    packed = tmp_path / "train-images-idx3-ubyte.gz"
    plain = tmp_path / "train-labels-idx1-ubyte"
    damaged = packed.read_bytes()[:20] + bytes(40) + packed.read_bytes()[60:]
    for path, torn in (
        (plain, b""), (plain, plain.read_bytes()[:6]), (plain, plain.read_bytes()[:-1]),
        (packed, b"no gzip"), (packed, packed.read_bytes()[:50]), (packed, damaged),
    ):  # fmt: skip
        whole = path.read_bytes()
        path.write_bytes(torn)
        with pytest.raises(MissingDataError, match=rf"{path.name} cannot be read"):
            ImageFile(name="fashion_mnist").load()
        path.write_bytes(whole)


@pytest.mark.parametrize("partition", PARTITIONS, ids=repr)
def test_every_image_is_dealt_to_one_client(partition, digits):
    rows = partition(digits, 8)
    assert len(rows) == 8
    dealt = np.concatenate(rows)
    assert len(set(dealt)) == len(dealt)
    left_over = 1437 % 16 if isinstance(partition, Shards) else 0
    assert len(dealt) == 1437 - left_over


def labelled(*labels: int) -> Split:
    y = np.array(labels, np.int32)
    x = np.zeros((len(y), 1), np.float32)
    return Split(x, y, x, y, num_classes=3)


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


def test_each_client_draws_by_its_own_dirichlet_shares():
    labels = np.repeat(np.arange(3, dtype=np.int32), 100)
    split = labelled(*labels)
    dealt = DirichletPerClient(alpha=0.5)(split, 7)
    assert sorted(np.concatenate(dealt).tolist()) == list(range(300))
    assert [len(rows) for rows in dealt] == [43, 43, 43, 43, 43, 43, 42]
    again = DirichletPerClient(alpha=0.5)(split, 7)
    other = DirichletPerClient(alpha=0.5, seed=1)(split, 7)
    assert all((a == b).all() for a, b in zip(dealt, again, strict=True))
    assert any((a != b).any() for a, b in zip(dealt, other, strict=True))
    # Nearly one class a client while there are images of it; nearly all of them alike.
    (first, *_) = DirichletPerClient(alpha=1e-3)(split, 7)
    assert np.bincount(labels[first]).max() >= 42
    for rows in DirichletPerClient(alpha=1e4)(split, 3):
        assert np.bincount(labels[rows]).min() >= 20


def test_draws_of_a_class_that_is_used_up_are_repeated():
    left = np.array([2, 1, 5])
    assert _until_used_up(np.array([0, 2, 0, 1, 0, 2]), left).tolist() == [2, 1, 1]
    assert _until_used_up(np.array([1, 1, 0]), left).tolist() == [0, 1, 0]
    assert _until_used_up(np.array([2, 2]), left).tolist() == [0, 0, 2]
    assert _until_used_up(np.array([0]), np.array([0, 1, 1])).tolist() == [0, 0, 0]


def test_rows_are_copied_when_they_are_asked_for():
    pool = np.arange(12.0).reshape(6, 2)
    rows = Rows(pool, np.array([5, 0, 3]))
    assert len(rows) == 3
    np.testing.assert_array_equal(rows[np.array([2, 0])], pool[[3, 5]])
    whole = rows[:]
    whole[:] = 0
    assert pool.sum() == 66


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


def test_label_skew_is_as_configured(digits):
    def classes(rows):
        return len(set(digits.y_train[rows]))

    assert {classes(r) for r in Pathological(classes_per_client=2)(digits, 10)} == {2}
    assert max(classes(r) for r in Shards(shards_per_client=2)(digits, 10)) <= 4
    assert min(classes(r) for r in Iid()(digits, 10)) == 10
    assert {classes(r) for r in NaturalId(by="label")(digits, 10)} == {1}


def test_pathological_leaves_no_class_without_a_client(digits):
    for classes_per_client, num_clients in ((2, 9), (7, 4), (10, 1)):
        dealt = Pathological(classes_per_client=classes_per_client)(digits, num_clients)
        assert sum(map(len, dealt)) == 1437
    split = labelled(0, 1, 3, 4, 7)
    with pytest.raises(ValueError, match=r"least 4 with.*classes \[4, 7\] would have"):
        Pathological(classes_per_client=2)(split, 2)


def test_natural_ids_make_clients(digits):
    ids = np.arange(1437) % 4
    split = Split(digits.x_train, digits.y_train, digits.x_test, digits.y_test, 10, ids)
    rows = NaturalId()(split, 4)
    for group in rows:
        assert len(set(ids[group])) == 1
    with pytest.raises(ValueError, match="the data make 4 clients"):
        NaturalId()(split, 5)
    with pytest.raises(ValueError, match="no array ids_train"):
        NaturalId()(digits, 4)


def test_an_impossible_partition_is_one_sentence(digits):
    with pytest.raises(ValueError, match=r"cannot deal 1437 images to 300 clients"):
        Dirichlet(alpha=0.01)(digits, 300)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dirichlet(alpha=0),
        lambda: Iid(holdout=1.0),
        lambda: Shards(shards_per_client=0),
        lambda: NaturalId(by="name"),
        lambda: Digits(num_train=0),
        lambda: ImageFile(name="../etc/passwd"),
    ],
)
def test_parameters_out_of_range(make):
    with pytest.raises(ValueError, match="must be"):
        make()
