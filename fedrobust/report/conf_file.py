"""The keys of a file of conf/ with their defaults and comments.

YAML's own reader drops comments, so the lines are read here. Files of conf/ are plain:
nested mappings, and values on one line.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from fedrobust.config.conf_folder import config_dir

LINE = re.compile(
    r"(?P<indent> *)(?P<dash>- )?(?P<key>[\w/. ]+):"
    r"(?P<value>(?: +(?!#)(?:\"[^\"]*\"|'[^']*'|\S+))*) *(?:# *(?P<comment>.*))?"
)
COMMENT = re.compile(r"(?P<indent> +)# *(?P<text>.*)")
BARE = re.compile(r" *- (?P<name>[\w/@]+) *(?:#.*)?")


@dataclass(frozen=True)
class Option:
    """One key.

    Attributes
    ----------
    key
        With dots, from the root of the configuration.
    value
        The default as it is written; None for a group of keys.
    comment
        Behind the value.
    is_choice
        Whether it is an entry of the defaults list: the choice in a group.
    """

    key: str
    value: str | None
    comment: str
    is_choice: bool = False

    @property
    def name(self) -> str:
        """What tells it from the others: a group may be a key and a choice."""
        return f"defaults {self.key}" if self.is_choice else self.key

    @property
    def is_target(self) -> bool:
        """Whether it names the class of its node."""
        return self.key.rpartition(".")[2] == "_target_"


def options_of(path: Path, group: str = "") -> list[Option]:
    """List the keys of a file and of those that it is built on.

    Parameters
    ----------
    path
        The file.
    group
        Its group, which its keys begin with unless it has the package ``_global_``.
    """
    text = path.read_text(encoding="utf-8")
    prefix = "" if "@package _global_" in text else group.replace("/", ".")
    found: dict[str, Option] = {}
    parents: list[tuple[int, str]] = []
    last, pending = None, []
    for line in text.splitlines():
        if comment := COMMENT.fullmatch(line):
            pending.append((len(comment["indent"]), comment["text"]))
        elif bare := BARE.fullmatch(line):
            found |= _inherited(path, group, [bare["name"]])
        elif match := LINE.fullmatch(line):
            indent, name = len(match["indent"]), match["key"].strip()
            # Lines of comment belong to the key below that they stand over, else to
            # the one above, whose comment they continue.
            above = [said for column, said in pending if column == indent]
            if last is not None and not above:
                found[last.name] = _commented(last, [said for _, said in pending])
            pending = []
            while parents and parents[-1][0] >= indent:
                parents.pop()
            if name == "defaults" and not parents:
                names = re.findall(r"[\w/@]+", match["value"])
                found |= _inherited(path, group, names)
            in_defaults = any(key == "defaults" for _, key in parents)
            key = ".".join(filter(None, [prefix, *(k for _, k in parents), name]))
            if in_defaults:
                key = name.removeprefix("override ").removeprefix("/")
            value = match["value"].strip() or None
            last = _commented(Option(key, value, "", in_defaults), above)
            last = _commented(last, [match["comment"] or ""])
            parents.append((indent, name))
            found[last.name] = last
    if last is not None:
        found[last.name] = _commented(last, [said for _, said in pending])
    return [o for o in found.values() if o.value is not None and _is_shown(o)]


def _commented(option: Option, comments: list[str]) -> Option:
    """Return an option with more lines of comment."""
    text = " ".join(filter(None, [option.comment, *comments]))
    return replace(option, comment=text)


def _is_shown(option: Option) -> bool:
    return option.key != "defaults" and not option.key.startswith("hydra/")


def _inherited(path: Path, group: str, names: list[str]) -> dict[str, Option]:
    """Return the keys of the other files that a file of a group names.

    A choice of a user's own may build on one of conf/.
    """
    found: dict[str, Option] = {}
    for name in names:
        file = f"{name.removesuffix('@_here_')}.yaml"
        beside = (path.parent / file, config_dir() / group / file)
        places = (config_dir() / file[1:],) if file.startswith("/") else beside
        for place in places:
            if place.is_file():
                found |= {o.name: o for o in options_of(place, group)}
                break
    return found


def own_node(path: Path) -> DictConfig:
    """Load a file without the files that it is built on."""
    node = OmegaConf.load(path)
    assert isinstance(node, DictConfig)
    return node
