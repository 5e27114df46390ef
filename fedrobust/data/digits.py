"""The bundled data set: scikit-learn's handwritten digits."""

from dataclasses import dataclass

import numpy as np

from fedrobust.data.dataset import Dataset, Split

DIGITS_SIZE, DIGITS_TEST_SIZE = 1797, 360


@dataclass(frozen=True, kw_only=True)
class Digits(Dataset):
    """Scikit-learn's 1,797 handwritten digits of 8 × 8 pixels.

    E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine
    Learning Repository, 1998 (its test set). One image in five is a test image. They
    are a fixed random draw, because images that are consecutive in the file come from
    the same few writers.
    """

    def available(self) -> int:
        """Return the number of training images."""
        return DIGITS_SIZE - DIGITS_TEST_SIZE

    def read(self) -> Split:
        """Return the images with their 17 grey levels scaled to [0, 1]."""
        from sklearn.datasets import load_digits

        bunch = load_digits()
        x = (bunch.images[..., None] / 16.0).astype(np.float32)
        y = bunch.target.astype(np.int32)
        order = np.random.default_rng(0).permutation(len(x))
        x, y, n = x[order], y[order], len(x) - DIGITS_TEST_SIZE
        names = [str(name) for name in bunch.target_names]
        return Split(x[:n], y[:n], x[n:], y[n:], 10, class_names=names)
