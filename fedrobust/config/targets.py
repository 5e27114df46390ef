"""Find the class or function of a ``_target_`` without running the user's code."""

import ast
import hashlib
import importlib.machinery
import json
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from hydra._internal.target_policy import _authorize_target_name
from hydra.errors import InstantiationException

from fedrobust import OURS
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
    specs = _specs(module_name)
    missing = next((part for part, spec in specs.items() if spec is None), None)
    if missing in ("builtins", "sys"):
        return None
    if missing is not None:
        raise ConfigError(
            f"{key}._target_={target}: no module {missing!r} found, neither "
            f"installed nor in {Path.cwd()}"
        )
    path = _text_of(specs[module_name])
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


def _specs(module_name: str) -> dict[str, ModuleSpec | None]:
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


def _text_of(spec: ModuleSpec | None) -> Path | None:
    """Return the file of a module; None if it is not a Python source file."""
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


def code_digest(target: str) -> str | None:
    """Return a digest of the user's own modules that a ``_target_`` needs.

    Editing a model or an objective, or a module that it imports, makes another
    experiment; comments and layout do not count. Installed modules are left out, as
    their versions are recorded.

    Returns
    -------
    A hexadecimal digest; None if every module is installed.
    """
    find_target(target, "")
    sources = _local_sources(target.rpartition(".")[0])
    if not sources:
        return None
    trees = {name: _tree_digest(path) for name, path in sources.items()}
    text = json.dumps(trees, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _local_sources(module_name: str) -> dict[str, Path]:
    """Find a module and all modules that it needs, except installed ones."""
    found: dict[str, Path] = {}
    left = [module_name]
    while left:
        for name, spec in _specs(left.pop()).items():
            path = _text_of(spec)
            if path is not None and name not in found and _is_local(path):
                found[name] = path
                left += _imports_of(name, path)
    return found


def _is_local(path: Path) -> bool:
    """Return whether a file is neither installed nor part of Python itself."""
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    return not installed and not path.is_relative_to(sysconfig.get_path("stdlib"))


def _imports_of(name: str, path: Path) -> list[str]:
    """List the modules that a source file imports, and names that may be modules."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            above = parents[: len(parents) + 1 - node.level] if node.level else []
            base = ".".join(filter(None, [*above, node.module]))
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return [module for module in found if not f"{module}.".startswith(OURS)]


def file_digest(path: Path | str) -> str:
    """Return the digest of a file's content; of a folder, that of its name."""
    path = Path(path)
    content = str(path).encode() if path.is_dir() else path.read_bytes()
    return hashlib.sha256(content).hexdigest()


def _tree_digest(path: Path) -> str:
    """Return the digest of a module's syntax tree."""
    return _digest_of_tree(str(path), path.read_bytes())


@lru_cache(maxsize=256)
def _digest_of_tree(path: str, content: bytes) -> str:
    return hashlib.sha256(repr(_shape(parsed(Path(path)))).encode()).hexdigest()


def _shape(node: Any) -> Any:
    """Return a syntax tree as nested lists, the same under every version of Python.

    ``ast.dump`` is not: versions add fields, which stay empty for older code.
    """
    if isinstance(node, ast.AST):
        # The field kind is only the prefix u of a string, which has no effect.
        fields = [(name, getattr(node, name, None)) for name in node._fields]
        filled = [(n, v) for n, v in fields if v not in (None, []) and n != "kind"]
        return [type(node).__name__, *((n, _shape(v)) for n, v in filled)]
    return [*map(_shape, node)] if isinstance(node, list) else repr(node)


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
