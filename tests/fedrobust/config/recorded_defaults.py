"""The defaults that digests leave out, as they were committed.

``python -m tests.fedrobust.config.recorded_defaults`` writes them anew.
"""

import dataclasses
import json
import re
import sys
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fedrobust.config.conf_folder import config_dir
from fedrobust.config.defaults import component_class, defaults_of
from fedrobust.config.digests import EVALUATION_VERSION, TRAINING_VERSION, _is_same
from fedrobust.config.schema import AttackConfig, Config

PATH = Path(__file__).with_name("defaults.json")
ADVICE = (
    "raise the version of each class (TRAINING_VERSION or EVALUATION_VERSION in "
    "config/digests.py for a part of the configuration), then run "
    "python -m tests.fedrobust.config.recorded_defaults"
)

# By the name of a class: its version, and its defaults.
Recorded = Mapping[str, tuple[int, Mapping[str, Any]]]


def current() -> dict[str, tuple[int, dict[str, Any]]]:
    """Return the defaults of every component that conf/ names and every typed part."""
    versions = {cls: getattr(cls, "version", 1) for cls in components()}
    versions |= dict.fromkeys(parts_of(Config), TRAINING_VERSION)
    versions[AttackConfig] = EVALUATION_VERSION
    return {cls.__name__: (version, counted(cls)) for cls, version in versions.items()}


def components() -> Iterator[type]:
    """Walk the component classes that conf/ names, except those in no digest."""
    folder = config_dir()
    outside = {*folder.glob("runtime/*"), *folder.glob("tracking/*")}
    for path in sorted({*folder.rglob("*.yaml")} - outside):
        for target in re.findall(r"_target_: *([\w.]+)", path.read_text()):
            if cls := component_class(target):
                yield cls


def parts_of(cls: type) -> Iterator[type]:
    """Walk a typed part of the configuration and the parts within that are digested."""
    yield cls
    for name, hint in typing.get_type_hints(cls).items():
        is_outside = name in getattr(cls, "outside_digest", ())
        if dataclasses.is_dataclass(hint) and not is_outside:
            yield from parts_of(typing.cast(type, hint))


def counted(cls: type) -> dict[str, Any]:
    """Return the defaults of a class that a digest leaves out because they are so."""
    outside = getattr(cls, "outside_digest", ())
    return {k: v for k, v in defaults_of(cls).items() if k not in outside}


def recorded() -> dict[str, tuple[int, dict[str, Any]]]:
    """Read the committed file."""
    found = json.loads(PATH.read_text())
    return {name: (version, defaults) for name, (version, defaults) in found.items()}


def changes(before: Recorded, now: Recorded) -> list[str]:
    """Return each default that another version should have announced, in words."""
    return [
        f"{name}.{key} was {old!r} and is {now[name][1][key]!r}"
        for name, (version, defaults) in before.items()
        if name in now and now[name][0] == version
        for key, old in defaults.items()
        if key in now[name][1] and not _is_same(now[name][1][key], old)
    ]


if __name__ == "__main__":
    problems = changes(recorded(), current()) if PATH.exists() else []
    if problems:
        sys.exit(f"{'; '.join(problems)}: {ADVICE}")
    lines = (f"{json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(current().items()))
    PATH.write_text("{\n" + ",\n".join(lines) + "\n}\n")
