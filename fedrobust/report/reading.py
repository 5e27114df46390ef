"""Reading every run below a folder; what cannot be read costs no more than itself."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fedrobust.errors import FileError
from fedrobust.files import Json, read_json, read_yaml, require_types
from fedrobust.recorded import read_result

ADVICE = "restore or remove it"
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
    for path in sorted(folder.rglob("config.yaml")):
        try:
            config = _config(path, digests)
        except FileError as error:
            found.unreadable.append(str(error))
            continue
        if config is not None:
            results = list(_evaluations(path.parent, found))
            found.runs.append((config, path.parent, results))
    for path in sorted(folder.rglob("error-*.json")):
        try:
            attempt = read_json(path, ADVICE)
        except FileError as torn:
            found.unreadable.append(str(torn))
            continue
        if digests is None or attempt.get("config_digest") in digests:
            found.failed.append(f"{path.parent} ({attempt.get('error')})")
    return found


def _config(path: Path, digests: Collection[str] | None) -> Json | None:
    """Read the configuration of a run; None for a file of something else."""
    config: Any = read_yaml(path, ADVICE)
    digest = config.get("config_digest") if isinstance(config, dict) else None
    if digest is None or (digests is not None and digest not in digests):
        return None
    groups = [name for name in GROUPS if name in config or name == "training"]
    kinds = {"config_digest": str, **dict.fromkeys(groups, dict)}
    require_types(config, path, kinds, ADVICE)
    return dict(config)


def _evaluations(run: Path, found: Found) -> Iterator[Json]:
    """Read the results of a run, that which was asked for last first.

    A result that was refused when it was asked for again, as the data are others, does
    not count: why is beside it.
    """
    refused = {path.stem.removeprefix("error-") for path in run.glob("error-*.json")}
    paths = sorted(
        (p for p in run.glob("evaluations/*.json") if p.stem not in refused),
        key=lambda path: (-path.stat().st_mtime, path),
    )
    results = []
    for path in paths:
        try:
            results.append(read_result(path, ADVICE))
        except FileError as error:
            found.unreadable.append(str(error))
    last = run / "result.json"
    if last.is_file():
        try:
            asked = read_json(last, ADVICE)
        except FileError as error:
            found.unreadable.append(str(error))
        else:
            results.sort(key=lambda result: result != asked)
    yield from results
