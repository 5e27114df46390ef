"""A result sums up the rounds of its run."""

from dataclasses import replace

from fedrobust.one_run import run
from fedrobust.record.round_row import Detection
from fedrobust.record.summary import summed
from tests.fedrobust.record.rounds import ROW
from tests.fedrobust.runs import Configure


def test_rounds_are_summed_and_detection_is_averaged_over_those_that_have_it():
    rows = [
        ROW,
        replace(ROW, detection=None, skipped="too few", failed=3),
        replace(ROW, detection=Detection(None, 0.0), federated={"clients": 4}),
    ]
    assert summed(rows) == {
        "federated": {"clients": 4},
        "detection": Detection(precision=0.5, recall=0.5),
        "bytes_down": 240,
        "bytes_up": 180,
        "train_seconds": 4.5,
        "quarantined": 3,
        "failed": 3,
        "skipped_rounds": 1,
    }


def test_the_result_warns_of_clients_that_were_missing(configure: Configure, tmp_path):
    few = ("num_clients=5", "num_byzantine=1", "strategy=krum", "num_rounds=2")
    result = run(configure(*few, "byzantine=infinity"), tmp_path / "r")
    warning = "in 2 of 2 rounds clients were missing and f was lowered"
    assert warning in result.warnings
    assert result.skipped_rounds == 0
