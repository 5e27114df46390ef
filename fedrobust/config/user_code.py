"""The user's own code behind a ``_target_``: its digest, and edits after its import."""

import ast
import hashlib
import json
import sys
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from fedrobust import OURS
from fedrobust.config.targets import find_target, parsed, specs_of, text_of
from fedrobust.config.typed import join
from fedrobust.errors import ConfigError


def code_digest(target: str) -> str | None:
    """Return a digest of the user's own modules that a ``_target_`` needs.

    Editing a model or an objective, or a module that it imports, makes another
    experiment; comments and layout do not count. Installed modules are left out, as
    their versions are recorded.

    Returns
    -------
    A hexadecimal digest; None if every module is installed.

    Raises
    ------
    ConfigError
        When there is no such target, or when a module was edited after Python imported
        it, because the old code would run.
    """
    find_target(target, "")
    trees = _unedited_trees(target)
    if not trees:
        return None
    _digested.update(trees)
    text = json.dumps(trees, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


# Tree digests of the user's modules as Python imported them, by module name. Components
# are cached, so reloading a module would not replace the code that runs.
_imported: dict[str, str] = {}
# Tree digests as a configuration last computed them, which is before the import.
_digested: dict[str, str] = {}


def forget_code() -> None:
    """Empty both records, for a caller that removes the modules from Python too."""
    _imported.clear()
    _digested.clear()


def require_unedited(target: str, key: str) -> None:
    """Raise ConfigError if a target's code was edited after it was imported."""
    if not target.startswith((*OURS, "keras.")):
        _unedited_trees(target, key)


def remember_code(node: Any) -> None:
    """Record the code from which a component of the user was just constructed.

    Parameters
    ----------
    node
        The node of the component, which may contain further targets.

    Raises
    ------
    ConfigError
        When a module was edited between its digest and its import.
    """
    for target in _targets_in(node):
        module_name = target.rpartition(".")[0]
        if module_name not in _imported:
            _remember(target, module_name in sys.modules)


def _remember(target: str, is_imported: bool) -> None:
    sources = _local_sources(target.rpartition(".")[0])
    # A function of an imported module may import others later.
    new = {
        name: _tree_digest(path)
        for name, path in sources.items()
        if name not in _imported and (is_imported or name in sys.modules)
    }
    _imported.update(new)
    for name, tree in new.items():
        if _digested.get(name, tree) != tree:
            raise ConfigError(
                f"_target_={target}: {sources[name]} was edited after the "
                "configuration was checked: start the run again"
            )


def _targets_in(node: Any) -> Iterator[str]:
    """Yield the targets in a node that name neither our classes nor those of Keras."""
    if isinstance(node, list):
        for each in node:
            yield from _targets_in(each)
    if isinstance(node, dict):
        target = node.get("_target_")
        if isinstance(target, str) and not target.startswith((*OURS, "keras.")):
            yield target
        yield from _targets_in([*node.values()])


def _unedited_trees(target: str, key: str = "") -> dict[str, str]:
    """Return the tree digest of each of the user's modules that a target needs."""
    sources = _local_sources(target.rpartition(".")[0])
    trees = {name: _tree_digest(path) for name, path in sources.items()}
    for name, tree in trees.items():
        if _imported.get(name, tree) != tree:
            raise ConfigError(
                f"{join(key, '_target_')}={target}: {sources[name]} was edited after "
                "Python imported it: start a new process (in a notebook, restart the "
                "kernel)"
            )
    return trees


def _local_sources(module_name: str) -> dict[str, Path]:
    """Find a module and all modules that it needs, except installed ones."""
    found: dict[str, Path] = {}
    left = [module_name]
    while left:
        for name, spec in specs_of(left.pop()).items():
            path = text_of(spec)
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
