"""The groups of conf/, their choices and their keys as Markdown pages.

Everything here is read from the files of conf/ and their comments, and from the
docstrings of the classes that they name, so that no list is kept by hand.
"""

import importlib
import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from fedrobust import OURS
from fedrobust.config.conf_folder import config_dir, groups
from fedrobust.report.conf_file import Option, options_of, own_node

# What a Byzantine client controls, by the base class of the attack.
CONTROLS = {
    "DataPoisoning": "data",
    "ObjectivePoisoning": "objective",
    "Tampering": "reply",
    "Collusion": "collusion",
}
# Keys of config.yaml that a class checks.
CHECKED_BY = {"training": "fedrobust.training.LocalTraining"}


def overview() -> str:
    """Return a table of all groups: what each decides, and its choices."""
    decides = {
        option.key: option.comment
        for option in options_of(config_dir() / "config.yaml")
        if option.is_choice
    }
    rows = [
        [f"`{group}`", decides.get(group, ""), str(len(found)), _names(found)]
        for group, found in groups().items()
    ]
    return _table(["group", "what it decides", "choices", "names"], rows) + "\n"


def configuration_page() -> str:
    """Return the page of the keys that every run has."""
    options = [
        option
        for option in options_of(config_dir() / "config.yaml")
        if not option.is_choice and not option.key.startswith("hydra.")
    ]
    return "# Keys of every run\n\n" + _keys(options, CHECKED_BY) + "\n"


def group_page(group: str, extra_dir: str | None = None) -> str:
    """Return the page of one group: a table of its choices, then each with its keys.

    Parameters
    ----------
    group
        For example ``strategy`` or ``strategy/server_optimizer``.
    extra_dir
        A folder with configuration of the user's own.
    """
    found = groups(extra_dir)[group]
    folders = [config_dir(), *([Path(extra_dir)] if extra_dir else [])]
    paths = {
        choice: next(p for f in folders if (p := f / group / f"{choice}.yaml").exists())
        for choice in found
    }
    rows = [
        [_linked(choice), *_split_source(comment), *_facts(path, group)]
        for (choice, comment), path in zip(found.items(), paths.values(), strict=True)
    ]
    columns = ["choice", "what it does", "source", *_fact_names(group)]
    parts = [f"# `{group}`", _table(columns, rows)]
    for choice, path in paths.items():
        parts.append(f"## `{choice}`")
        parts.append(found[choice])
        options = [o for o in options_of(path, group) if not o.is_target]
        if options:
            parts.append(_keys(options, _targets(path, group)))
        texts = _docstrings(_classes(path, group))
        parts += [f"```text\n{text}\n```" for text in texts]
    return "\n\n".join(parts) + "\n"


def _linked(choice: str) -> str:
    """Link to the heading of a choice, whose anchor has no slashes."""
    return f"[`{choice}`](#{choice.replace('/', '')})"


def _fact_names(group: str) -> list[str]:
    """Return the headers of what ``_facts`` returns for the choices of a group."""
    names = {"strategy": ["clients at least"], "attack": ["norms"]}
    return {**names, "byzantine": ["controls"]}.get(group, [])


def _facts(path: Path, group: str) -> list[str]:
    """Return what the classes of a choice tell about it, an entry a further column."""
    classes = _classes(path, group)
    if group == "strategy":
        rule = own_node(path).get("rule", {})
        is_ours = str(rule.get("_target_")).startswith(OURS)
        return [_fewest_clients(rule) if is_ours else ""]
    if group == "attack":
        kinds = [cls.norms for cls in classes]
        common = [n for n in ("linf", "l2") if kinds and all(n in k for k in kinds)]
        return [", ".join(common)]
    if group == "byzantine":
        bases = {base.__name__ for cls in classes for base in cls.__mro__}
        return [", ".join(word for base, word in CONTROLS.items() if base in bases)]
    return []


def _fewest_clients(node: DictConfig) -> str:
    """Return the fewest updates that a rule needs as a term in f, such as 2f + 3."""
    plain = {k: v for k, v in OmegaConf.to_container(node).items() if k != "f"}  # type: ignore[union-attr]
    if "f" not in node:
        return str(instantiate(plain).min_clients)
    two, three = (int(instantiate(plain, f=f).min_clients) for f in (2, 3))
    slope = three - two
    rest = two - 2 * slope
    factor = "f" if slope == 1 else f"{slope}f"
    return (factor if slope else "") + (f" + {rest}" if slope else f"{rest}")


def _keys(options: Iterable[Option], targets: dict[str, str]) -> str:
    """Return a table of keys; ``targets`` has the class of each node by its key."""
    rows = []
    for option in options:
        node, _, name = option.key.rpartition(".")
        values = ""
        if node in targets and not option.is_choice:
            values = parameters_of(_class(targets[node])).get(name, "")
        default = "" if option.value is None else f"`{option.value}`"
        rows.append([f"`{option.key}`", default, option.comment, values])
    if any(row[3] for row in rows):
        return _table(["key", "default", "meaning", "details"], rows)
    return _table(["key", "default", "meaning"], [row[:3] for row in rows])


def _targets(path: Path, group: str) -> dict[str, str]:
    """Return the class of ours that each node of a file names, by the node's key."""
    return {
        option.key.removesuffix("._target_"): str(option.value)
        for option in options_of(path, group)
        if option.is_target and str(option.value).startswith(OURS)
    }


def _classes(path: Path, group: str) -> list[Any]:
    """List the classes that a choice names, without those of nodes within nodes."""
    targets = _targets(path, group)
    depth = min((key.count(".") for key in targets), default=0)
    return [_class(name) for key, name in targets.items() if key.count(".") == depth]


def _class(target: str) -> Any:
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _docstrings(classes: Iterable[Any]) -> list[str]:
    """List the docstrings of the modules that define classes."""
    texts = [inspect.getdoc(inspect.getmodule(cls)) or "" for cls in classes]
    return list(dict.fromkeys(filter(None, texts)))


def parameters_of(cls: type) -> dict[str, str]:
    """Return what docstrings in NumPy's style say of each parameter of a class."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        _, _, section = text.partition("Parameters\n----------\n")
        section = re.split(r"\n\n(?=\S.*\n-+\n)", section)[0]
        for entry in re.split(r"\n+(?=\S)", section):
            names, _, description = entry.partition("\n")
            for name in filter(None, map(str.strip, names.split(","))):
                found[name] = " ".join(description.split()).replace("``", "`")
    return found


def _split_source(comment: str) -> tuple[str, str]:
    """Split a comment into what a choice does and its citation, in parentheses."""
    match = re.fullmatch(r"(.*?)\s*\(([^()]*\d{4}[^()]*)\)\.?", comment)
    return (match[1], match[2]) if match else (comment, "")


def _names(choices: Iterable[str]) -> str:
    return ", ".join(f"`{choice}`" for choice in choices)


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
