"""What the bits of a result may depend on: versions, CPU and threads."""

import hashlib
import platform
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import fedrobust
import strategies
from fedrobust import backend, vectors
from fedrobust.files import Json
from strategies.threads import num_cores

# The packages that decide whose rows are whose.
DEALING = ("flwr-datasets", "datasets")
PACKAGES = (
    *("flwr", "tensorflow", "keras", "hydra-core", "numpy", "scipy"),
    *DEALING,
)
# Of our own source, what decides no number of a run.
NO_PART = {"commands", "report", "reproduce", "cli.py"}


def environment(runtime: Json) -> Json:
    """Describe what the bits of a result may depend on, and what carried messages."""
    return {
        "machine": platform.machine(),
        "processor": processor(),
        "vectors_held": vectors.are_held(),
        "cores": num_cores(),
        "intra_op_threads": backend.intra_op_threads(backend.tf),
        "onednn": backend.uses_onednn(),
        "deterministic": backend.is_deterministic(backend.tf),
        "runtime": runtime,
        **versions(),
    }


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Return the versions of Python, of this project and of what it builds on."""
    return {
        "fedrobust": fedrobust.__version__,
        "code": _code(
            Path(fedrobust.__file__).parent, Path(strategies.__file__).parent
        ),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def other_versions(recorded: Mapping[str, Any]) -> dict[str, list[str]]:
    """Compare a recorded environment with this one.

    Returns
    -------
    What was recorded and what there is now, by name, where the two differ. Names that
    older records lack are left out.
    """
    return {
        name: [str(recorded[name]), now]
        for name, now in versions().items()
        if name in recorded and recorded[name] != now
    }


def different_versions(environments: Sequence[Mapping[str, Any]]) -> list[str]:
    """Describe in which versions runs differ; empty where they do not."""
    told = []
    for name in ("fedrobust", "code", "python", *PACKAGES):
        found = sorted({str(e[name]) for e in environments if name in e})
        if len(found) > 1:
            told.append("code of fedrobust" if name == "code" else
                        f"{name} ({', '.join(found)})")  # fmt: skip
    return [f"Trained with different {', '.join(told)}."] if told else []


def versions_told(others: Mapping[str, list[str]]) -> str:
    """Phrase the versions that differ; nothing where none does."""
    told = [
        "other code of fedrobust" if name == "code" else f"{name} {was} (now {now})"
        for name, (was, now) in others.items()
    ]
    return ", ".join(told)


def _code(*packages: Path) -> str:
    """Digest our own source, which may have been edited where it is installed.

    Lines that are blank or a comment do not count. Parsing everything would tell more
    edits apart, and take a second instead of milliseconds.
    """
    found = hashlib.sha256()
    for package in packages:
        for path in sorted(package.rglob("*.py")):
            name = path.relative_to(package.parent)
            if not NO_PART & set(name.parts):
                text = re.sub(rb"(?m)^[ \t]*(#.*)?\r?\n", b"", path.read_bytes())
                found.update(f"{name.as_posix()} {len(text)}\n".encode() + text)
    return found.hexdigest()[:16]


def processor() -> str:
    """Name the CPU and, where Linux tells them, the widest vectors in use.

    Machines that hide them from their guests have CPUs of one name and other bits: how
    many values an instruction adds up decides the order of sums.
    """
    widest = vectors.in_use()
    name = vectors.cpu_name()
    return name if widest is None else f"{name} ({widest})"
