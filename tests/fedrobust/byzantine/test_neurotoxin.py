"""Neurotoxin, by hand."""

import numpy as np

from fedrobust.byzantine import ClientContext, Neurotoxin
from tests.fedrobust.byzantine.updates import rng_of


def test_neurotoxin_leaves_out_what_the_server_moved_most():
    # Two of four coordinates (half) moved most: the first and the last.
    last_step = np.array([-9, 1, 0, 3], np.float32)
    update = np.array([1, 2, 3, 4], np.float32)
    attack = Neurotoxin(top=0.5, boost=10.0)
    sent = attack.tamper(update, rng_of(), ClientContext(last_step=last_step))
    np.testing.assert_array_equal(sent, [0, 20, 30, 0])
    for context in (None, ClientContext()):
        sent = attack.tamper(update, rng_of(), context)
        np.testing.assert_array_equal(sent, [10, 20, 30, 40])
    np.testing.assert_array_equal(update, [1, 2, 3, 4])
