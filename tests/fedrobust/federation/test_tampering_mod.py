"""The tampering mod over a grid."""

import numpy as np

from fedrobust.byzantine import SignFlip
from fedrobust.federation.tampering_mod import tampering_mod
from fedrobust.runtime.local_grid import LocalGrid
from tests.fedrobust.federation.honest_clients import (
    honest_app,
    train_messages,
    updates_of,
)


def test_the_tampering_mod_flips_the_byzantine_clients_only():
    mod = tampering_mod(
        SignFlip(scale=2), lambda round: [1], seed=0, learned=lambda: ["w"]
    )
    with LocalGrid(honest_app([mod]), 3, workers=2) as grid:
        found = updates_of(grid.send_and_receive(train_messages(3)))
    np.testing.assert_array_equal(found[0], 1)
    np.testing.assert_array_equal(found[1], -4)
    np.testing.assert_array_equal(found[2], 3)
