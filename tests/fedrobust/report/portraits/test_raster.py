"""What became of each client's update in each round."""

import numpy as np

from fedrobust.record.training_record import RecordedEvent
from fedrobust.report.portraits.raster import (
    COUNTED,
    EXCLUDED,
    FAILED,
    MOST_CLIENTS,
    MOST_ROUNDS,
    NOT_SAMPLED,
    QUARANTINED,
    SKIPPED,
    cropped,
    raster,
)
from tests.fedrobust.report.portraits.rounds import random_rounds, row


def test_every_state_of_a_client():
    rows = [
        row(1, [0, 1, 2, 3], [0, 3], excluded=[3], byzantine=[3]),
        row(2, [1, 3], [1, 3], excluded=[], byzantine=[3], skipped="too few replies"),
    ]
    events = [
        RecordedEvent(event="quarantined", round=1, client=1),
        # An evaluation's replies are not those of the training.
        RecordedEvent(event="evaluation quarantined", round=2, client=1),
    ]
    found = raster(rows, events, 5)
    assert found.clients == [3, 0, 1, 2, 4]
    assert found.num_byzantine == 1
    assert found.states.tolist() == [
        [EXCLUDED, SKIPPED],
        [COUNTED, NOT_SAMPLED],
        [QUARANTINED, SKIPPED],
        [FAILED, NOT_SAMPLED],
        [NOT_SAMPLED, NOT_SAMPLED],
    ]
    assert found.attacks.tolist() == [[True, True]] + 4 * [[False, False]]


def test_byzantine_clients_that_are_never_sampled_are_known_all_the_same():
    found = raster([row(1, [0], [0])], [], 3, byzantine=[2])
    assert found.clients == [2, 0, 1]
    assert found.num_byzantine == 1


def test_a_large_federation_is_cropped_to_what_can_be_printed():
    full = raster(*random_rounds(400, 2 * MOST_ROUNDS, 20), 400)
    shown = cropped(full)
    assert shown.states.shape == (MOST_CLIENTS, MOST_ROUNDS)
    assert shown.rounds == [*range(MOST_ROUNDS + 1, 2 * MOST_ROUNDS + 1)]
    assert shown.num_byzantine == MOST_CLIENTS // 2
    rows = [full.clients.index(client) for client in shown.clients]
    np.testing.assert_array_equal(shown.states, full.states[rows, MOST_ROUNDS:])
    np.testing.assert_array_equal(shown.attacks, full.attacks[rows, MOST_ROUNDS:])


def test_a_raster_that_fits_is_not_cropped():
    full = raster(*random_rounds(12, 8, 6), 12)
    np.testing.assert_array_equal(cropped(full).states, full.states)
    assert cropped(full).clients == full.clients
