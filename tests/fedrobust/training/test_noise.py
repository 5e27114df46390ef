"""Training on noise."""

from fedrobust.training import Noise
from tests.fedrobust.training.networks import figure


def test_uniform_and_gaussian_noise_have_the_size_they_should(digits):
    # Half of the values are clipped at 0, which halves the mean of what is left.
    uniform = figure(Noise(epsilon=0.1), "mean", digits)
    gaussian = figure(Noise(epsilon=0.1, distribution="gaussian"), "mean", digits)
    assert 0.02 < uniform < 0.05
    assert uniform < gaussian < 0.08
    assert figure(Noise(epsilon=0), "distance", digits) == 0
