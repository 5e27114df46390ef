"""The environment that the bits of a result may depend on: versions, CPU, threads."""

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

# The packages that assign rows to clients.
DEALING = ("flwr-datasets", "datasets")
PACKAGES = (
    *("flwr", "tensorflow", "keras", "hydra-core", "numpy", "scipy"),
    *DEALING,
)
# Our own modules that affect no number of a run.
IRRELEVANT = {"api", "commands", "report", "reproduce", "tracking", "cli.py"}


def environment(runtime: Json) -> Json:
    """Return the present environment, including the given runtime."""
    return {
        "machine": platform.machine(),
        "processor": processor(),
        "vectors_held": vectors.is_capped(),
        "cores": num_cores(),
        "intra_op_threads": backend.intra_op_threads(backend.tf),
        "onednn": backend.uses_onednn(),
        "deterministic": backend.is_deterministic(backend.tf),
        "runtime": runtime,
        **versions(),
    }


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Return the versions of Python, of this project and of its main dependencies."""
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
    The recorded and the present version by name, if they differ. Names that older
    records lack are left out.
    """
    return {
        name: [str(recorded[name]), present]
        for name, present in versions().items()
        if name in recorded and recorded[name] != present
    }


def different_versions(environments: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence about the versions in which runs differ; empty if none does."""
    differences = []
    for name in ("fedrobust", "code", "python", *PACKAGES):
        values = sorted({str(e[name]) for e in environments if name in e})
        if len(values) > 1:
            differences.append("code of fedrobust" if name == "code" else
                               f"{name} ({', '.join(values)})")  # fmt: skip
    if not differences:
        return []
    return [f"Trained with different {', '.join(differences)}."]


def version_changes(others: Mapping[str, list[str]]) -> str:
    """Return the versions that changed, in words; empty if none did."""
    changes = [
        "other code of fedrobust" if name == "code" else f"{name} {old} (now {new})"
        for name, (old, new) in others.items()
    ]
    return ", ".join(changes)


def _code(*packages: Path) -> str:
    """Return a digest of our own source, which may have been edited in place.

    Blank lines and comment lines do not count. Parsing all modules would ignore more
    edits that change nothing, but takes a second instead of milliseconds.
    """
    digest = hashlib.sha256()
    for package in packages:
        for path in sorted(package.rglob("*.py")):
            name = path.relative_to(package.parent)
            if not IRRELEVANT & set(name.parts):
                text = re.sub(rb"(?m)^[ \t]*(#.*)?\r?\n", b"", path.read_bytes())
                digest.update(f"{name.as_posix()} {len(text)}\n".encode() + text)
    return digest.hexdigest()[:16]


def processor() -> str:
    """Return the name of the CPU and, where Linux shows them, the widest vectors.

    The number of values that one instruction adds determines the order of sums. Virtual
    machines with the same CPU name may hide vector instructions, which changes bits.
    """
    widest = vectors.widest()
    name = vectors.cpu_name()
    return name if widest is None else f"{name} ({widest})"
