"""Finding what a ``_target_`` names without running any of the user's code."""

import ast
import importlib.machinery
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from hydra._internal.target_policy import _authorize_target_name
from hydra.errors import InstantiationException

from fedrobust.errors import ConfigError, nearest


def find_target(target: str, key: str) -> Path | None:
    """Find a user's class or function without running any of their code.

    Returns
    -------
    The file of its module; None for a module that is no Python text.

    Raises
    ------
    ConfigError
        When there is no such module, or no such name in it, or Hydra forbids it.
    """
    for prefix in ("tensorflow.keras.", "tf.keras."):
        if target.startswith(prefix):
            ours = f"keras.{target.removeprefix(prefix)}"
            raise ConfigError(f"{key}._target_={target}: must be {ours}")
    try:
        _authorize_target_name(target, target, "")
    except InstantiationException as error:
        raise ConfigError(
            f"{key}._target_={target}: must not be what Hydra forbids a configuration "
            "to call, name a class or a function of your own"
        ) from error
    if not all(part.isidentifier() for part in target.split(".")) or "." not in target:
        raise ConfigError(
            f"{key}._target_={target}: must be the path of a class or a function, such "
            "as mine.Model"
        )
    module_name, _, name = target.rpartition(".")
    specs = specs_of(module_name)
    missing = next((part for part, spec in specs.items() if spec is None), None)
    if missing in ("builtins", "sys"):
        return None
    if missing is not None:
        raise ConfigError(
            f"{key}._target_={target}: no module {missing!r} found, neither "
            f"installed nor in {Path.cwd()}"
        )
    path = text_of(specs[module_name])
    if path is None:
        return None
    names = _names_in(path)
    if names is not None and name not in names:
        raise ConfigError(
            f"{key}._target_={target}: {module_name} has no {name!r}, "
            f"{nearest(name, names)}{_hidden_here(module_name, path)}"
        )
    return path


def _hidden_here(module_name: str, found: Path) -> str:
    """Advice where an installed module was found in place of one that stands here."""
    top = module_name.partition(".")[0]
    here = [p for p in (Path.cwd() / top, Path.cwd() / f"{top}.py") if p.exists()]
    if not here or found.is_relative_to(Path.cwd()):
        return ""
    return f"; {found} comes before {here[0]}, which needs another name"


def specs_of(module_name: str) -> dict[str, ModuleSpec | None]:
    """Find a module and the packages it is in; the first that is missing is None."""
    found: dict[str, ModuleSpec | None] = {}
    path: Any = None
    parts = module_name.split(".")
    for i in range(len(parts)):
        qualified = ".".join(parts[: i + 1])
        spec = importlib.machinery.PathFinder.find_spec(qualified, path)
        found[qualified] = spec
        if spec is None:
            break
        path = spec.submodule_search_locations
    return found


def text_of(spec: ModuleSpec | None) -> Path | None:
    """Give the file of a module that is Python text."""
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


def parsed(path: Path) -> ast.Module:
    """Parse the text of a module.

    Raises
    ------
    ConfigError
        When it is no Python.
    """
    try:
        # Of bytes, as a first line may say how they are encoded.
        return ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def _names_in(path: Path) -> set[str] | None:
    """Read a module's top-level names from its text; None if they cannot be known."""
    names: set[str] = set()
    for node in _statements(parsed(path).body):
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
    return names


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Walk a module's own statements, those under ``if``, ``try`` and ``with`` too."""
    for node in body:
        yield node
        match node:
            case ast.If() | ast.Try() | ast.With():
                handlers = getattr(node, "handlers", [])
                nested = [
                    *node.body,
                    *getattr(node, "orelse", []),
                    *getattr(node, "finalbody", []),
                    *(line for handler in handlers for line in handler.body),
                ]
                yield from _statements(nested)
