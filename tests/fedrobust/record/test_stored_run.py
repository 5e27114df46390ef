"""A run folder is read as it was written."""

from dataclasses import replace

import pytest

from fedrobust.errors import FileError
from fedrobust.files import to_json
from fedrobust.record.round_row import RoundRow
from fedrobust.record.stored_run import StoredRun
from fedrobust.record.validation import from_json
from fedrobust.report import collect
from fedrobust.run import run
from tests.fedrobust.record.rounds import ROW


def test_rounds_are_read_as_they_were_written(tmp_path):
    rows = [ROW, replace(ROW, round=2, clean_accuracy=0.5)]
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(to_json(row.to_json()) + "\n" for row in rows))
    stored = StoredRun(tmp_path)
    assert stored.rounds(2) == rows
    with pytest.raises(
        FileError, match=r"has rounds \[1, 2\]: must have each from 1 to 3"
    ):
        stored.rounds(3)
    # An earlier version's row, which has fewer keys.
    few = {
        "round": 1, "quarantined": 0, "failed": 0, "bytes_down": 1, "bytes_up": 1,
        "train_seconds": 1, "aggregate_seconds": 1, "evaluate_seconds": 1,
    }  # fmt: skip
    assert from_json(RoundRow, few, "x", "y").detection is None


def test_what_a_run_returns_is_what_its_folder_holds(tmp_path, configure):
    config = configure(
        "num_clients=2", "num_rounds=2", "dataset.num_train=60", "attack=fgsm",
        "attack.samples=20", "byzantine=infinity", "num_byzantine=1",
    )  # fmt: skip
    rows = []
    result = run(config, tmp_path / "r", rows.append)
    stored = StoredRun(tmp_path / "r")
    assert stored.result() == stored.result(config.evaluation_digest) == result
    assert [path.stem for path in stored.evaluation_paths()] == [
        config.evaluation_digest
    ]
    assert stored.rounds(config.num_rounds) == rows
    assert [event.event for event in stored.events()] == ["quarantined"] * 2
    found = stored.config("restore it")
    assert found is not None
    assert found["config_digest"] == config.digest == result.config_digest
    (group,) = collect(tmp_path).groups
    assert (group.results, group.runs[0].rounds) == ([result], rows)
