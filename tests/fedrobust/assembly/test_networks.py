"""The weights that a run starts from."""

import numpy as np

from fedrobust.assembly import Experiment, forget
from tests.fedrobust.runs import Configure


def test_a_model_of_ones_own_starts_from_the_seed(configure: Configure):
    config = configure("model._target_=tests.own_model.build")
    first = Experiment(config).initial_arrays()
    forget()
    second = Experiment(config).initial_arrays()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
