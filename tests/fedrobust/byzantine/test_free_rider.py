"""Free riders."""

import numpy as np
import pytest

from fedrobust.byzantine import ClientContext, FreeRider
from tests.fedrobust.byzantine.updates import rng_of


def test_free_riders_send_nothing_or_fading_noise():
    update = np.ones(100_000, np.float32)
    np.testing.assert_array_equal(FreeRider().tamper(update, rng_of()), 0)
    # std 2 * 4^-0.5 = 1 in round 4, and 2 in round 1.
    rider = FreeRider(std=2.0, decay=0.5)
    sent = rider.tamper(update, rng_of(), ClientContext(round=4))
    assert sent.std() == pytest.approx(1, rel=0.01)
    assert rider.tamper(update, rng_of()).std() == pytest.approx(2, rel=0.01)
