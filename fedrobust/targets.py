"""Finding what a ``_target_`` names without running any of the user's code."""

import ast
import hashlib
import importlib.machinery
from pathlib import Path
from typing import Any

from fedrobust.errors import ConfigError, nearest

# Packages of this project: their classes are known, and checked by constructing them.
OURS = ("fedrobust.", "strategies.")


def find_target(target: str, key: str) -> Path | None:
    """Find a user's class or function without running any of their code.

    Returns
    -------
    The file of its module; None for a module that is no Python text.

    Raises
    ------
    ConfigError
        When there is no such module, or no such name in it.
    """
    module_name, _, name = target.rpartition(".")
    path: Any = None
    spec = None
    parts = module_name.split(".")
    for i, _part in enumerate(parts):
        qualified = ".".join(parts[: i + 1])
        spec = importlib.machinery.PathFinder.find_spec(qualified, path)
        if spec is None and i == 0 and qualified in ("builtins", "sys"):
            return None
        if spec is None:
            raise ConfigError(
                f"{key}._target_={target}: no module {qualified!r} found, neither "
                f"installed nor in {Path.cwd()}"
            )
        path = spec.submodule_search_locations
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    names = _names_in(Path(spec.origin))
    if names is not None and name not in names:
        raise ConfigError(
            f"{key}._target_={target}: {module_name} has no {name!r}, "
            f"{nearest(name, names)}"
        )
    return Path(spec.origin)


def code_digests(node: Any) -> dict[str, str]:
    """Digest the modules of a user's own that a configuration names.

    A model or an objective that was edited is another experiment. What is installed is
    left out: its version is in the record.
    """
    found: dict[str, str] = {}
    if isinstance(node, list):
        for value in node:
            found |= code_digests(value)
    if isinstance(node, dict):
        target = node.get("_target_")
        if isinstance(target, str) and not target.startswith(OURS):
            path = find_target(target, "")
            if path is not None and "site-packages" not in path.parts:
                found[target] = file_digest(path)
        for value in node.values():
            found |= code_digests(value)
    return found


def file_digest(path: Path | str) -> str:
    """Digest what a file holds; a folder counts by its name alone."""
    path = Path(path)
    content = str(path).encode() if path.is_dir() else path.read_bytes()
    return hashlib.sha256(content).hexdigest()


def _names_in(path: Path) -> set[str] | None:
    """Read a module's top-level names from its text; None if they cannot be known."""
    names: set[str] = set()
    try:
        body = ast.parse(path.read_text(encoding="utf-8")).body
    except SyntaxError as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                if name == "__getattr__":
                    return None
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                if any(alias.name == "*" for alias in aliases):
                    return None
                names |= {a.asname or a.name.partition(".")[0] for a in aliases}
            case ast.Assign(targets=targets):
                names |= {t.id for t in targets if isinstance(t, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.If() | ast.Try() | ast.With():
                return None
    return names
