"""The settings of a reproduction, defaults and all, as its page shows them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from fedrobust.compose import config_dir
from fedrobust.report.tables import markdown_table
from fedrobust.reproduce.definition import Job, Reproduction

# How and where a run is carried, which changes no number.
NO_SCIENCE = ("runtime", "debug", "log")


def settings(reproduction: Reproduction) -> str:
    """Write the section: the first planned run whole, and what each value changes."""
    name = reproduction.name
    text = (config_dir() / "experiment" / f"{name}.yaml").read_text(encoding="utf-8")
    first = reproduction.jobs[0]
    rows = []
    for i, (column, choices) in enumerate(reproduction.columns.items()):
        for value, overrides in choices.items():
            jobs = [job for job in reproduction.jobs if job.cell[i] == value]
            said = " ".join(f"`{o}`" for o in overrides)
            rows.append([column, value, said, _changes(first, jobs, overrides)])
    names = ["column", "value", "overrides", "what that changes"]
    table = markdown_table(names, rows, left=names)
    whole = "\n".join(
        f"{key}: {_flow(value)}"
        for key, value in first.composed.items()
        if key not in NO_SCIENCE
    )
    cell = "/".join(first.cell)
    return (
        f"## Settings\n\nWhat all runs share, `conf/experiment/{name}.yaml`:\n\n"
        f"```yaml\n{text.strip()}\n```\n\nThe first planned run, {cell}, with all "
        f"defaults:\n\n```yaml\n{whole}\n```\n\nEach value's overrides, and in which "
        "of the keys that they name its first planned run differs from that one:\n\n"
        f"{table}"
    )


def _changes(first: Job, jobs: Sequence[Job], overrides: Sequence[str]) -> str:
    """Write in what the keys that are overridden differ from the first run's."""
    if not jobs:
        return "–"
    keys = dict.fromkeys(o.lstrip("+").partition("=")[0].split(".")[0].split("/")[0]
                         for o in overrides)  # fmt: skip
    lines = [
        f"`{path}: {_flow(value)}`"
        for key in keys
        for path, value in changed(
            key, first.composed.get(key), jobs[0].composed.get(key)
        )
    ]
    return " ".join(lines) or "nothing"


def changed(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any]]:
    """Give what differs: whole where the object is another one, else key by key."""
    if old == new:
        return
    same = isinstance(old, Mapping) and isinstance(new, Mapping) and old and new
    if same and old.get("_target_") == new.get("_target_"):
        for key in new:
            yield from changed(f"{path}.{key}", old.get(key), new[key])
        for key in sorted(old.keys() - new.keys()):
            yield f"{path}.{key}", "(not there)"
    else:
        yield path, new


def _flow(value: Any) -> str:
    """Write a value on one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6)
    return text.removesuffix("...\n").strip()
