"""The figure of clients by round."""

import json

import numpy as np
import pytest

from fedrobust.report.collect import collect
from fedrobust.report.portraits.raster import cropped, raster
from fedrobust.report.portraits.rounds_raster import drawings, raster_figure
from tests.fedrobust.report.portraits.legibility import assert_legible, words
from tests.fedrobust.report.portraits.rounds import random_rounds, row
from tests.fedrobust.report.portraits.stored import write

ATTACK = {"byzantine": {"_target_": "some.Attack"}}


def as_json(*rows):
    return [each.to_json() for each in rows]


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
    write(tmp_path, strategy="krum", rounds=as_json(only), result=result, more=ATTACK)
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
    write(tmp_path, strategy="mean", rounds=as_json(attacked), more=ATTACK)
    result = {"detection": {"precision": 1.0, "recall": 1.0}}
    write(tmp_path, strategy="krum", rounds=as_json(excluding), more=ATTACK,
          result=result)  # fmt: skip
    (drawn,) = drawings(collect(tmp_path))
    assert "krum" in drawn.caption


def test_without_an_attack_nobody_is_byzantine(tmp_path):
    # A run records whom it drew, although they are honest.
    write(tmp_path, rounds=as_json(row(1, [0, 1], [0, 1])),
          result={"byzantine_clients": [1]})  # fmt: skip
    (drawn,) = drawings(collect(tmp_path))
    assert "Byzantine" not in words(drawn.figure)


def test_centralised_training_says_why(tmp_path):
    write(tmp_path, more={"centralised": True})
    (drawn,) = drawings(collect(tmp_path))
    assert "centralised=false" in drawn.reason


def test_runs_without_the_clients_of_their_rounds_say_why(tmp_path):
    write(tmp_path)
    (drawn,) = drawings(collect(tmp_path))
    assert drawn.figure is None
    assert "centralised=false" in drawn.reason
