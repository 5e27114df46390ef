"""What became of each client in each round."""

import json

import numpy as np
import pytest

from fedrobust.record.round_row import RoundRow
from fedrobust.record.training_record import RecordedEvent
from fedrobust.report.collect import collect
from fedrobust.report.portraits.rounds_raster import (
    COUNTED,
    EXCLUDED,
    FAILED,
    MOST_CLIENTS,
    MOST_ROUNDS,
    NOT_SAMPLED,
    QUARANTINED,
    SKIPPED,
    cropped,
    drawings,
    raster,
    raster_figure,
)
from tests.fedrobust.report.portraits.legibility import assert_legible, words
from tests.fedrobust.report.portraits.stored import NUMBERS, write


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


def as_json(*rows):
    return [each.to_json() for each in rows]


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


@pytest.mark.parametrize("are_redrawn", [False, True])
@pytest.mark.parametrize(
    ("clients", "rounds", "sampled"),
    [(4, 3, 4), (12, 15, 12), (30, 40, 20), (100, 300, 40), (1000, 500, 50)],
)
def test_a_raster_can_be_read(clients, rounds, sampled, are_redrawn):
    shown = cropped(raster(*random_rounds(clients, rounds, sampled), clients))
    figure = raster_figure(shown, are_redrawn)
    (image,) = figure.axes[0].images
    np.testing.assert_array_equal(image.get_array(), shown.states)
    assert_legible(figure)


def test_the_legend_names_only_states_that_occur():
    figure = raster_figure(raster([row(1, [0, 1], [0, 1], excluded=[1])], [], 2))
    found = words(figure)
    assert {"counted", "excluded"} <= set(found)
    assert not {"quarantined", "no usable reply", "round skipped"} & set(found)


def test_the_caption_counts_the_attackers_and_averages_detection(tmp_path):
    only = row(1, [0, 1, 2], [0, 1, 2], excluded=[0, 1], byzantine=[1, 2])
    detection = {"precision": 0.5, "recall": 0.25}
    result = {"detection": detection, "byzantine_clients": [1, 2]}
    write(tmp_path, strategy="krum", rounds=as_json(only), result=result)
    (drawn,) = drawings(collect(tmp_path))
    assert "1 of 2 updates of Byzantine clients counted." in drawn.caption
    assert "50 % of the excluded clients were Byzantine" in drawn.caption
    assert "25 % of the Byzantine clients were excluded" in drawn.caption


def test_a_cropped_raster_says_how_much_is_left_out(tmp_path):
    rows, _ = random_rounds(120, 310, 30)
    write(tmp_path, rounds=as_json(*rows), more={"num_clients": 120})
    (drawn,) = drawings(collect(tmp_path))
    assert "Only 100 of 120 clients and the last 300 of 310 rounds" in drawn.caption


def test_a_rule_that_does_not_select_says_so(tmp_path):
    write(tmp_path, rounds=as_json(row(1, [0, 1], [0, 1])))
    (drawn,) = drawings(collect(tmp_path))
    assert "neither selects nor weights" in drawn.caption


def test_events_of_the_run_are_read(tmp_path):
    path = write(tmp_path, rounds=as_json(row(1, [0, 1], [0])))
    event = {"event": "quarantined", "round": 1, "client": 1, "reason": "NaN"}
    (path / "events.jsonl").write_text(json.dumps(event) + "\n")
    (drawn,) = drawings(collect(tmp_path))
    assert "quarantined" in words(drawn.figure)


def test_torn_events_are_the_reason(tmp_path):
    path = write(tmp_path, rounds=as_json(row(1, [0, 1], [0])))
    (path / "events.jsonl").write_text('{"event": "quaran')
    (drawn,) = drawings(collect(tmp_path))
    assert "events.jsonl" in drawn.reason


def test_rules_that_exclude_come_before_others(tmp_path):
    attacked = row(1, [0, 1], [0, 1], byzantine=[1])
    excluding = row(1, [0, 1], [0, 1], byzantine=[1], excluded=[1])
    write(tmp_path, strategy="mean", rounds=as_json(attacked))
    write(tmp_path, strategy="krum", rounds=as_json(excluding))
    (drawn,) = drawings(collect(tmp_path))
    assert "krum" in drawn.caption


def test_runs_without_the_clients_of_their_rounds_say_why(tmp_path):
    write(tmp_path)
    (drawn,) = drawings(collect(tmp_path))
    assert drawn.figure is None
    assert "centralised=false" in drawn.reason
