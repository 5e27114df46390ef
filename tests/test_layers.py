"""Imports run one way: no circle of modules, and no folder that imports upwards."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# From the bottom up: a folder or a loose module imports only from those before it.
FRAMEWORK = [
    *("errors", "vectors", "search_path", "signals", "files"),
    *("backend", "randomness", "epsilon"),
    *("network", "data", "models", "attacks", "privacy", "training", "byzantine"),
    *("runtime", "tracking", "config", "evaluation", "assembly", "record"),
    *("federation", "one_run", "report", "reproduce", "commands"),
    *("api", "cli", "flower_app", "__main__"),
]
STRATEGIES = [
    *("threads", "randomness", "validation", "records"),
    *("linalg", "rules"),
    *("preaggregators", "postprocessors", "sampling", "round_report", "state"),
    *("transport", "screening", "server_optimizers", "updates", "mods", "pipeline"),
    *("statistics", "replies", "secagg", "rounds", "robust"),
]
LEVELS = {f"strategies.{name}": i for i, name in enumerate(STRATEGIES)} | {
    f"fedrobust.{name}": i + len(STRATEGIES) for i, name in enumerate(FRAMEWORK)
}


def modules() -> dict[str, Path]:
    """List every module of the two packages."""
    found = {}
    for package in ("fedrobust", "strategies"):
        for path in (REPOSITORY / package).rglob("*.py"):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imports(path: Path) -> Iterator[str]:
    """List the modules of ours that a file imports, wherever in it."""
    for node in _nodes(ast.parse(path.read_text(encoding="utf-8")), path):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in inner]
        else:
            continue
        yield from (name for name in names if name in MODULES)


def _nodes(tree: ast.Module, path: Path) -> Iterator[ast.AST]:
    """Walk through a file, except what a package's face only tells type checkers."""
    is_face = path.parent.parent == REPOSITORY and path.name == "__init__.py"
    for statement in tree.body:
        is_for_types = isinstance(statement, ast.If) and isinstance(
            statement.test, ast.Name
        )
        if not (is_face and is_for_types):
            yield from ast.walk(statement)


def unit(module: str) -> str:
    """Return the folder of a module, or the module itself where it is loose."""
    return ".".join(module.split(".")[:2])


def test_every_folder_has_its_level():
    units = {unit(name) for name in MODULES} - {"fedrobust", "strategies"}
    assert units == LEVELS.keys()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_run_downwards(name):
    # A package's own face may stand above what it hands on.
    if unit(name) not in LEVELS:
        return
    level = LEVELS[unit(name)]
    upwards = [
        other
        for other in imports(MODULES[name])
        if unit(other) != unit(name) and LEVELS.get(unit(other), 0) >= level
    ]
    assert not upwards


def test_no_modules_import_each_other_in_a_circle():
    graph = {name: set(imports(path)) - {name} for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("package", ["fedrobust", "strategies"])
def test_the_roots_hold_only_what_everybody_uses(package):
    loose = {path.stem for path in (REPOSITORY / package).glob("*.py")} - {"__init__"}
    known = FRAMEWORK if package == "fedrobust" else STRATEGIES
    assert loose <= set(known)


def test_byzantine_clients_are_free_of_flower():
    for name, path in MODULES.items():
        if name.startswith("fedrobust.byzantine"):
            assert "flwr" not in path.read_text(encoding="utf-8"), name
