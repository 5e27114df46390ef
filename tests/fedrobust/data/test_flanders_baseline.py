"""Images of which only the training part is standardised."""

import numpy as np
import pytest

from fedrobust.data import RawTestImages


@pytest.fixture
def small(tmp_path, monkeypatch) -> np.ndarray:
    """Write four training and two test images; return the test images in [0, 1]."""
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    x = np.arange(4 * 6, dtype=np.uint8).reshape(6, 2, 2) * 10
    np.savez(
        tmp_path / "small.npz",
        **{"x_train": x[:4], "y_train": np.array([0, 1, 0, 1])},
        **{"x_test": x[4:], "y_test": np.array([0, 1])},
    )
    return x[4:, ..., None].astype(np.float32) / 255


def test_test_images_reach_the_model_as_they_are(small):
    split = RawTestImages(name="small", mean=[0.5], std=[0.25]).load()
    # The first layer subtracts the mean and divides by the standard deviation.
    np.testing.assert_allclose((split.x_test - 0.5) / 0.25, small, atol=1e-6)
    assert split.x_test.dtype == np.float32
    assert split.x_train.max() <= 1
    assert split.x_train[0, 0, 1, 0] == np.float32(10 / 255)
    assert split.y_test.tolist() == [0, 1]


def test_without_standardising_there_is_nothing_to_undo():
    with pytest.raises(ValueError, match="mean=None: must be given with std"):
        RawTestImages(name="small")


def test_the_choice_is_mnist_but_for_its_class_and_its_scale(configure, mnist):
    plain = configure("dataset=mnist").dataset
    raw = configure("dataset=flanders_baseline/mnist").dataset
    own = {"_target_": "fedrobust.data.RawTestImages", "mean": [0.5], "std": [0.5]}
    assert raw == {**plain, **own}
