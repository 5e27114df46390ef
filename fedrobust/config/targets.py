"""Find the class or function of a ``_target_`` without running the user's code."""

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
    The file of its module; None if the module is not a Python source file.

    Raises
    ------
    ConfigError
        When the module or the name in it does not exist, or Hydra forbids it.
    """
    for prefix in ("tensorflow.keras.", "tf.keras."):
        if target.startswith(prefix):
            ours = f"keras.{target.removeprefix(prefix)}"
            raise ConfigError(f"{key}._target_={target}: must be {ours}")
    try:
        _authorize_target_name(target, target, "")
    except InstantiationException as error:
        raise ConfigError(
            f"{key}._target_={target}: Hydra forbids calling it from a configuration: "
            "name a class or a function of your own"
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
            f"{nearest(name, names)}{_hidden_module(module_name, path)}"
        )
    return path


def _hidden_module(module_name: str, path: Path) -> str:
    """Return advice if an installed module hides one in the current folder."""
    top = module_name.partition(".")[0]
    hidden = [p for p in (Path.cwd() / top, Path.cwd() / f"{top}.py") if p.exists()]
    if not hidden or path.is_relative_to(Path.cwd()):
        return ""
    return f"; {path} comes before {hidden[0]}, which needs another name"


def specs_of(module_name: str) -> dict[str, ModuleSpec | None]:
    """Return the specs of a module and its packages; None for the first missing one."""
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
    """Return the file of a module; None if it is not a Python source file."""
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


def parsed(path: Path) -> ast.Module:
    """Parse the text of a module.

    Raises
    ------
    ConfigError
        When the file cannot be read, or is not valid Python.
    """
    try:
        # Parsed from bytes, as the first line may declare the encoding.
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
    """Yield a module's statements, including those under ``if``, ``try``, ``with``."""
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
