"""The settings of a reproduction, defaults and all, as its page shows them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from fedrobust.compose import config_dir
from fedrobust.report.tables import markdown_table
from fedrobust.reproduce.definition import Job, Reproduction


def settings(reproduction: Reproduction) -> str:
    """Write the section: what is shared, and what each value of a column comes to."""
    name = reproduction.name
    text = (config_dir() / "experiment" / f"{name}.yaml").read_text(encoding="utf-8")
    rows = []
    for i, (column, choices) in enumerate(reproduction.columns.items()):
        for value, overrides in choices.items():
            jobs = [job for job in reproduction.jobs if job.cell[i] == value]
            said = " ".join(f"`{o}`" for o in overrides)
            rows.append([column, value, said, _resolved(jobs, overrides)])
    names = ["column", "value", "overrides", "which comes to, in its first planned run"]
    table = markdown_table(names, rows, left=names)
    shared = _flow(reproduction.jobs[0].composed, ("training", "attack", "checks"))
    return (
        f"## Settings\n\nWhat all runs share, `conf/experiment/{name}.yaml`:\n\n"
        f"```yaml\n{text.strip()}\n```\n\nWith all defaults, in the first planned "
        f"run:\n\n```yaml\n{shared}\n```\n\n{table}"
    )


def _resolved(jobs: Sequence[Job], overrides: Sequence[str]) -> str:
    """Write what the groups that are overridden come to, defaults and all."""
    if not jobs:
        return "–"
    keys = [o.lstrip("+").partition("=")[0].partition(".")[0] for o in overrides]
    return f"`{_flow(jobs[0].composed, dict.fromkeys(keys)).replace(chr(10), '; ')}`"


def _flow(config: Mapping[str, Any], keys: Iterable[str]) -> str:
    """Write some keys of a configuration, a line each."""

    def line(value: Any) -> str:
        return yaml.safe_dump(
            value, default_flow_style=True, sort_keys=False, width=10**6
        ).removesuffix("...\n").strip()  # fmt: skip

    return "\n".join(f"{key}: {line(config[key])}" for key in keys if key in config)
