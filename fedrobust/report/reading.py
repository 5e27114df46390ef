"""Reading every run below a folder; what cannot be read costs no more than itself."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fedrobust.errors import FileError
from fedrobust.files import Json, read_json, read_yaml, require_types
from fedrobust.record.validation import read_result

ADVICE = "restore or remove it"
# Why an attempt failed; earlier versions left some out.
ATTEMPT = {"config_digest": str, "error": str, "refused_results": list}
# Groups of a configuration; older ones lack some.
GROUPS = ("training", "choices", "runtime", "partition", "dataset", "model")


@dataclass
class Found:
    """What a folder of runs holds.

    Attributes
    ----------
    runs
        Configuration of each run, with its folder and its results, that which was asked
        for last first.
    failed
        Why attempts failed, by the folder of the run and the reason.
    unreadable
        A sentence about each file that cannot be read.
    """

    runs: list[tuple[Json, Path, list[Json]]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def read_runs(folder: Path, digests: Collection[str] | None = None) -> Found:
    """Read every run below a folder.

    Parameters
    ----------
    folder
        Of a run, or of many.
    digests
        Read only runs of these experiments.
    """
    found = Found()
    refused = _attempts(folder, digests, found)
    for path in sorted(folder.rglob("config.yaml")):
        try:
            config = _config(path, digests)
        except FileError as error:
            found.unreadable.append(str(error))
            continue
        if config is not None:
            run = path.parent
            results = list(_evaluations(run, refused.get(run, set()), found))
            found.runs.append((config, run, results))
    return found


def _attempts(
    folder: Path, digests: Collection[str] | None, found: Found
) -> dict[Path, set[str]]:
    """Read why attempts failed.

    Returns
    -------
    By the folder of a run, the evaluations whose results do not count, as the data are
    others than they were made with. After any other failure they do.
    """
    refused: dict[Path, set[str]] = {}
    for path in sorted(folder.rglob("error-*.json")):
        try:
            attempt = read_json(path, ADVICE)
            kinds = {key: kind for key, kind in ATTEMPT.items() if key in attempt}
            require_types(attempt, path, kinds, ADVICE)
        except FileError as torn:
            found.unreadable.append(str(torn))
            continue
        names = map(str, attempt.get("refused_results", []))
        refused.setdefault(path.parent, set()).update(names)
        if digests is None or attempt.get("config_digest") in digests:
            found.failed.append(f"{path.parent} ({attempt.get('error')})")
    return refused


def _config(path: Path, digests: Collection[str] | None) -> Json | None:
    """Read the configuration of a run; None for a file of something else."""
    config: Any = read_yaml(path, ADVICE)
    digest = config.get("config_digest") if isinstance(config, dict) else None
    if digest is None or (digests is not None and digest not in digests):
        return None
    groups = [name for name in GROUPS if name in config or name == "training"]
    kinds = {"config_digest": str, **dict.fromkeys(groups, dict)}
    require_types(config, path, kinds, ADVICE)
    if "epsilon" not in config["training"]:
        raise FileError(f"{path}: training.epsilon is missing; {ADVICE}")
    return dict(config)


def _evaluations(run: Path, refused: Collection[str], found: Found) -> Iterator[Json]:
    """Read the results of a run that count, that which was asked for last first."""
    paths = sorted(
        run.glob("evaluations/*.json"),
        key=lambda path: (-path.stat().st_mtime, path),
    )
    results = []
    for path in paths:
        try:
            result = read_result(path, ADVICE)
        except FileError as error:
            found.unreadable.append(str(error))
            continue
        if not {path.stem, str(result.get("evaluation_digest"))} & set(refused):
            results.append(result)
    last = run / "result.json"
    if last.is_file():
        try:
            asked = read_json(last, ADVICE)
        except FileError as error:
            found.unreadable.append(str(error))
        else:
            results.sort(key=lambda result: result != asked)
    yield from results
