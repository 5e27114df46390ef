"""What the files of a run must hold to be read again, whoever wrote them."""

from pathlib import Path

from fedrobust.errors import FileError
from fedrobust.files import Json, read_json, read_json_lines, require_types

# What to do about a record that cannot be used.
TRAIN_ANEW = "add --fresh to fedrobust run, or remove the folder, to train anew"
EVALUATE_ANEW = "remove it, and the run evaluates its model anew"

NUMBER = int | float
ROW = {
    **dict.fromkeys(("round", "bytes_down", "bytes_up", "quarantined", "failed"), int),
    **dict.fromkeys(("train_seconds", "aggregate_seconds", "evaluate_seconds"), NUMBER),
    "clean_accuracy": NUMBER | None,
    "skipped": str | None,
    "detection": dict | None,
    "federated": dict | None,
}
EVENT = {"event": str}
# Earlier versions left some of these out.
TRAINING = {
    "environment": dict,
    "warnings": list,
    "data_digest": str,
    "partition_digest": str | None,
}
RESULT = {
    **dict.fromkeys(("seed", "num_rounds"), int),
    **dict.fromkeys(("attack", "choices", "worst_robust_accuracy"), dict),
    "config_digest": str,
    "clean_accuracy": NUMBER,
    "checks": dict,
}
# What reports read of a result besides, where it is there: earlier versions left some
# of it out.
REPORTED = {
    **dict.fromkeys(("num_evaluated", "bytes_down", "bytes_up", "skipped_rounds"), int),
    **dict.fromkeys(("quarantined", "failed"), int),
    **dict.fromkeys(("robust_accuracy", "environment", "other_versions"), dict),
    **dict.fromkeys(("train_seconds", "wall_seconds", "earlier_seconds"), NUMBER),
    **dict.fromkeys(("detection", "federated"), dict | None),
    "warnings": list,
}
# Beside that, of a result that a run returns.
OWN_RESULT = {"robust_accuracy": dict, "skipped_rounds": int, "environment": dict}


def read_metrics(path: Path, num_rounds: int) -> list[Json]:
    """Read metrics.jsonl of a training that ended.

    Raises
    ------
    FileError
        When it does not have every round once, with all its figures.
    """
    rows = read_json_lines(path, TRAIN_ANEW)
    for number, row in enumerate(rows, start=1):
        require_types(row, f"{path}, line {number}", ROW, TRAIN_ANEW)
    there = [row["round"] for row in rows]
    if there != [*range(1, num_rounds + 1)]:
        twice = sorted({round for round in there if there.count(round) > 1})
        told = f"rounds {twice} more than once" if twice else f"rounds {there}"
        raise FileError(
            f"{path} has {told[:60]}: must have each from 1 to {num_rounds} once, in "
            f"order; {TRAIN_ANEW}"
        )
    return rows


def read_events(path: Path) -> list[Json]:
    """Read events.jsonl.

    Raises
    ------
    FileError
        When a line is no event.
    """
    events = read_json_lines(path, TRAIN_ANEW)
    for number, event in enumerate(events, start=1):
        require_types(event, f"{path}, line {number}", EVENT, TRAIN_ANEW)
    return events


def read_training(path: Path) -> Json:
    """Read training.json; empty for runs from before it was kept.

    Raises
    ------
    FileError
        When it holds something else.
    """
    if not path.is_file():
        return {}
    found = read_json(path, TRAIN_ANEW)
    kinds = {key: kind for key, kind in TRAINING.items() if key in found}
    require_types(found, path, kinds, TRAIN_ANEW)
    return found


def read_result(path: Path, advice: str) -> Json:
    """Read a result, of this version or an earlier one.

    Raises
    ------
    FileError
        When the file cannot be read, or holds no result of a run.
    """
    found = read_json(path, advice)
    reported = {key: kind for key, kind in REPORTED.items() if key in found}
    require_types(found, path, {**RESULT, **reported}, advice)
    if not all(isinstance(text, str) for text in found.get("warnings", [])):
        raise FileError(f"{path}: warnings must be texts; {advice}")
    try:
        sorted(found["worst_robust_accuracy"], key=float)
    except ValueError as error:
        raise FileError(
            f"{path}: worst_robust_accuracy has an epsilon that is no number: {error}; "
            f"{advice}"
        ) from error
    shares = {"clean_accuracy": found["clean_accuracy"]}
    shares |= found["worst_robust_accuracy"]
    for name, share in shares.items():
        if not isinstance(share, NUMBER) or not 0 <= share <= 1:
            raise FileError(f"{path}: {name} is {share}: must be in [0, 1]; {advice}")
    for name, check in found["checks"].items():
        if not isinstance(check, dict) or not isinstance(check.get("status"), str):
            raise FileError(f"{path}: checks.{name} has no status; {advice}")
    return found


def read_own_result(path: Path) -> Json:
    """Read a result that a run is to return.

    Raises
    ------
    FileError
        As ``read_result``.
    """
    found = read_result(path, EVALUATE_ANEW)
    require_types(found, path, OWN_RESULT, EVALUATE_ANEW)
    return found
