"""The least that a result holds."""

from fedrobust.record.result import Result

# The least that a result of any version holds.
LEAST = {
    "config_digest": "0123456789abcdef",
    "seed": 3,
    "num_rounds": 2,
    "attack": {"epsilon": [0.1]},
    "choices": {"strategy": "krum"},
    "clean_accuracy": 1,
    "worst_robust_accuracy": {"0.1": 0.25},
    "checks": {"within_ball": {"status": "pass"}},
}


def read(**changes) -> Result:
    return Result.from_json(LEAST | changes, "result.json", "remove it")
