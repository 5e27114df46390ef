"""The settings of a reproduction, defaults and all, as its page shows them."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from fedrobust.config.compose import config_dir
from fedrobust.report.markup import markdown_table
from fedrobust.reproduce.definition import Job, Reproduction


def settings(reproduction: Reproduction) -> str:
    """Write the section: the first planned run whole, and what each value changes."""
    name = reproduction.name
    text = (config_dir() / "experiment" / f"{name}.yaml").read_text(encoding="utf-8")
    first = reproduction.jobs[0]
    rows = [
        [
            column,
            value,
            " ".join(f"`{o}`" for o in overrides),
            _changes(reproduction, column, value),
        ]
        for column, choices in reproduction.columns.items()
        for value, overrides in choices.items()
    ]
    names = ["column", "value", "overrides", "what differs from the first run"]
    table = markdown_table(names, rows, left=names)
    whole = "\n".join(f"{key}: {_flow(v)}" for key, v in science(first).items())
    return (
        f"## Settings\n\nWhat all runs share, `conf/experiment/{name}.yaml`:\n\n"
        f"```yaml\n{text.strip()}\n```\n\nThe first planned run, {'/'.join(first.cell)}"
        f", with all defaults:\n\n```yaml\n{whole}\n```\n\nEach value, in the planned "
        "run that differs from the first in the fewest columns; where it differs in "
        f"others too, they stand in brackets:\n\n{table}"
    )


def science(job: Job) -> dict[str, Any]:
    """Give all that a run's numbers depend on, but for its seed."""
    others = ("seed", "runtime")
    known = {key: v for key, v in job.composed.items() if key not in others}
    # The one key of the runtime that changes bits.
    return {**known, "runtime": {"cohort": job.composed["runtime"]["cohort"]}}


def _changes(reproduction: Reproduction, column: str, value: str) -> str:
    """Write in what a run with this value differs from the first."""
    first = reproduction.jobs[0]
    here = reproduction.values(first.cell)

    def others(job: Job) -> dict[str, str]:
        there = reproduction.values(job.cell)
        return {c: v for c, v in there.items() if c != column and v != here[c]}

    jobs = [
        j for j in reproduction.jobs if reproduction.values(j.cell)[column] == value
    ]
    if not jobs:
        return "–"
    job = min(jobs, key=lambda job: len(others(job)))
    told = [
        f"`{path}: {_flow(v)}`" for path, v in changed(science(first), science(job))
    ]
    if others(job):
        told.append(f"({', '.join(f'{c} {v}' for c, v in others(job).items())})")
    return " ".join(told) or "nothing"


def changed(
    old: Mapping[str, Any], new: Mapping[str, Any], path: str = ""
) -> Iterator[tuple[str, Any]]:
    """Give what differs: whole where the object is another one, else key by key."""
    for key in [*new, *(key for key in old if key not in new)]:
        was, now = old.get(key), new.get(key, "(not there)")
        if was == now:
            continue
        if (
            isinstance(was, Mapping)
            and isinstance(now, Mapping)
            and was.get("_target_") == now.get("_target_")
        ):
            yield from changed(was, now, f"{path}{key}.")
        else:
            yield f"{path}{key}", now


def _flow(value: Any) -> str:
    """Write a value on one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6)
    return text.removesuffix("...\n").strip()
