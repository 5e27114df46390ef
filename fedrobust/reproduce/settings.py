"""The section of a page that shows all settings of a reproduction, with defaults."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from fedrobust.config.compose import config_dir
from fedrobust.report.markup import markdown_table
from fedrobust.reproduce.definition import Job, Reproduction


def settings(reproduction: Reproduction) -> str:
    """Return the section: the first run's settings, and what each value changes."""
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
        f"## Settings\n\nAll runs share `conf/experiment/{name}.yaml`:\n\n"
        f"```yaml\n{text.strip()}\n```\n\nThe first planned run, {'/'.join(first.cell)}"
        f", has these settings, including all defaults:\n\n```yaml\n{whole}\n```\n\n"
        "For each value, the table compares the first run with the planned run of this "
        "value that differs from it in the fewest columns. If that run differs in "
        f"other columns too, they are in brackets:\n\n{table}"
    )


def science(job: Job) -> dict[str, Any]:
    """Return the settings, except the seed, that the numbers of a run depend on."""
    excluded = ("seed", "runtime", "tracking")
    known = {key: v for key, v in job.composed.items() if key not in excluded}
    # The one key of the runtime that changes bits.
    return {**known, "runtime": {"cohort": job.composed["runtime"]["cohort"]}}


def _changes(reproduction: Reproduction, column: str, value: str) -> str:
    """Describe how a run with this value differs from the first run."""
    first = reproduction.jobs[0]
    first_values = reproduction.values(first.cell)

    def other_columns(job: Job) -> dict[str, str]:
        values = reproduction.values(job.cell).items()
        return {c: v for c, v in values if c != column and v != first_values[c]}

    jobs = [
        j for j in reproduction.jobs if reproduction.values(j.cell)[column] == value
    ]
    if not jobs:
        return "–"
    job = min(jobs, key=lambda job: len(other_columns(job)))
    changes = [
        f"`{path}: {_flow(v)}`" for path, v in changed(science(first), science(job))
    ]
    if others := other_columns(job):
        changes.append(f"({', '.join(f'{c} {v}' for c, v in others.items())})")
    return " ".join(changes) or "nothing"


def changed(
    old: Mapping[str, Any], new: Mapping[str, Any], path: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yield the new value of each key that differs; whole nodes if the class does."""
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
    """Return a value as one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6)
    return text.removesuffix("...\n").strip()
