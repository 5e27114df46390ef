"""A row of metrics.jsonl says what happened in its round."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from fedrobust.record.round_row import Detection, round_row
from tests.fedrobust.record.rounds import REPORT, ROW


def test_a_round_by_hand():
    assert ROW.detection == Detection(precision=1 / 2, recall=1 / 1)
    assert ROW.byzantine == [2, 3]
    assert (ROW.quarantined, ROW.failed, ROW.skipped) == (1, 0, None)
    assert ROW.clean_accuracy is None
    scores = SimpleNamespace(
        clean=0.5, robust={"pgd": {"0.1": 0.25}}, backdoor_success=1.0, loss=1.5
    )
    scored = ROW.with_scores(scores, 2.0)
    assert (scored.clean_accuracy, scored.evaluate_seconds) == (0.5, 2.0)
    # Nobody accepted is Byzantine: there is nobody to detect.
    assert round_row(REPORT, [2], None).detection is None


@pytest.mark.parametrize(
    ("clients", "told"),
    [
        ({"sampled": [0, -1]}, "sampled has the client -1: must be in"),
        ({"sampled": [10**12]}, "sampled has the client 1000000000000: must be in"),
        ({"sampled": [0], "byzantine": [1]}, "client 1, which sampled has not"),
    ],
)
def test_a_client_that_no_round_has_is_refused(clients, told):
    with pytest.raises(ValueError, match=told):
        replace(ROW, **clients)
