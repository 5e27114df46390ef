"""Windows of images for Square, by hand."""

from fedrobust.attacks.windows import wide_window, window


def test_windows_by_hand():
    # sqrt(0.8 x 784) = 25.04 and sqrt(0.4 x 784) = 17.7.
    assert window(0.8, 28, 28) == (25, 25)
    assert window(0.4, 28, 28) == (18, 18)
    assert window(1e-6, 28, 28) == (1, 1)
    assert window(1.0, 28, 28) == (28, 28)
    assert window(0.8, 1, 784) == (1, 627)
    assert window(0.001, 1, 784) == (1, 1)
    assert window(0.8, 784, 1) == (627, 1)
    assert window(0.5, 4, 16) == (4, 8)
    assert wide_window(0.8, 28, 28) == (25, 25)
    assert wide_window(0.4, 28, 28) == (19, 19)
    assert wide_window(1e-6, 28, 28) == (3, 3)
    assert wide_window(1e-6, 1, 784) == (1, 3)
    assert wide_window(1.0, 28, 28) == (28, 28)
