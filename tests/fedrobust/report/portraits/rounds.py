"""Rounds, made for rasters."""

import numpy as np

from fedrobust.record.round_row import RoundRow
from fedrobust.record.training_record import RecordedEvent
from tests.fedrobust.report.portraits.stored import NUMBERS


def row(number, sampled, accepted, **more):
    costs = dict.fromkeys(NUMBERS, 0)
    return RoundRow(round=number, sampled=sampled, accepted=accepted, **costs, **more)


def random_rounds(clients, rounds, sampled):
    """Return rounds with every fifth client Byzantine, and all but one excluded."""
    generator = np.random.default_rng(0)
    rows, events = [], []
    for number in range(1, rounds + 1):
        drawn = sorted(generator.choice(clients, sampled, replace=False).tolist())
        lost = [client for client in drawn if generator.random() < 0.1]
        events += [
            RecordedEvent(event="quarantined", round=number, client=client)
            for client in lost[::2]
        ]
        accepted = [client for client in drawn if client not in lost]
        byzantine = [client for client in drawn if client % 5 == 0]
        skipped = "too few" if number % 7 == 0 else None
        found = row(number, drawn, accepted, byzantine=byzantine, skipped=skipped,
                    excluded=byzantine[1:])  # fmt: skip
        rows.append(found)
    return rows, events
