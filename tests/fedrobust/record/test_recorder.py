"""The recorder of rounds."""

import json

import numpy as np

from fedrobust.assembly import Experiment
from fedrobust.one_run import run
from tests.fedrobust.record.tiny import TINY, configured
from tests.fedrobust.runs import SMALL, Configure


def test_a_hostile_client_cannot_write_the_record(
    configure: Configure, tmp_path, monkeypatch
):
    from fedrobust.federation import client

    honest = client._train

    def lying(config, cohort, message, context):
        reply = honest(config, cohort, message, context)
        if context.node_config["partition-id"] == 0:
            lies = ("robust_accuracy", "clean_accuracy", "skipped", "bytes_up", "round")
            reply.content["metrics"].update(dict.fromkeys(lies, 0.999))
        return reply

    monkeypatch.setattr(client, "_train", lying)
    result = run(configure(*SMALL), tmp_path / "r")
    assert result.skipped_rounds == 0
    rows = [json.loads(line) for line in (tmp_path / "r/metrics.jsonl").open()]
    assert [row["round"] for row in rows] == [1, 2]
    assert all(
        set(row["train_metrics"]) == {"local_steps", "train_loss"} for row in rows
    )
    assert all(row["clean_accuracy"] != 0.999 for row in rows)


def test_a_result_names_whose_rows_were_whose(finished):
    config = configured(*TINY)
    result = json.loads((finished / "result.json").read_text())
    rows = Experiment(config).partition
    assert result["partition_digest"] == Experiment(config).partition_digest
    from fedrobust.data.partition import partition_digest

    assert partition_digest(rows[::-1]) != result["partition_digest"]
    assert partition_digest([rows[0][:-1], rows[1]]) != result["partition_digest"]
    moved = [rows[0][:-1], np.append(rows[0][-1:], rows[1])]
    assert partition_digest(moved) != result["partition_digest"]
    assert Experiment(configured("experiment=centralised")).partition_digest is None
