"""Data sets from files: what is read, and what is refused."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from fedrobust.data import ImageFile, MissingDataError, image_file


def write_npz(folder: Path, name: str = "tiny", **extra) -> None:
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        "x_train": rng.integers(0, 256, (60, 4, 4)).astype(np.uint8),
        "y_train": np.arange(60).astype(np.uint8)[:, None] % 3,
        "x_test": rng.integers(0, 256, (6, 4, 4)).astype(np.uint8),
        "y_test": np.arange(6) % 3,
    }
    np.savez(folder / f"{name}.npz", **{**arrays, **extra})


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


def test_known_classes_have_names(tmp_path, monkeypatch):
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    for name, first in (("cifar10", "airplane"), ("fashion_mnist", "T-shirt/top")):
        write_npz(tmp_path, name, y_train=np.arange(60) % 10)
        names = ImageFile(name=name).load().class_names
        assert names is not None
        assert (names[0], len(set(names))) == (first, 10)
    # Other images in a file of a known name, and a file of the user's own.
    for name in ("cifar10", "tiny"):
        write_npz(tmp_path, name)
        assert ImageFile(name=name).load().class_names is None


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


@pytest.mark.parametrize(
    "make",
    [
        lambda: ImageFile(name="../etc/passwd"),
    ],
)
def test_parameters_out_of_range(make):
    with pytest.raises(ValueError, match="must be"):
        make()
