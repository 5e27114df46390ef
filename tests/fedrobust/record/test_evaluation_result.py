"""What every result.json holds, of a run or of a model file."""

from fedrobust.record.attack_result import AttackResult
from fedrobust.record.evaluation_result import EvaluationResult
from fedrobust.record.result import Result
from tests.fedrobust.record.results import LEAST


def test_runs_and_attacked_files_share_one_reader_and_one_writer():
    model = {"model": "m.keras", "model_digest": "0", "dataset": {}, "range": [0, 1]}
    result = AttackResult.from_json(LEAST | model, "result.json", "remove it")
    assert result.to_json()["range"] == [0, 1]
    for name in ("from_json", "to_json", "to_text"):
        owners = [
            name in vars(kind) for kind in (EvaluationResult, Result, AttackResult)
        ]
        assert owners == [True, False, False]
