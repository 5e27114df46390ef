"""Find the error in a user's configuration file, with its line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fedrobust.errors import reason_of

TOO_DEEP = "is nested too deeply, or contains itself"


def broken_file(folder: Path) -> str | None:
    """Find the first file of a folder that cannot be configuration.

    Returns
    -------
    One sentence with the file's path and the line; None if each file by itself is fine.
    """
    for path in sorted(folder.rglob("*.yaml")):
        problem = _problem(path)
        if problem is not None:
            line, reason = problem
            return f"{path}{f', line {line}' if line else ''}: {reason}"
    return None


def _problem(path: Path) -> tuple[int | None, str] | None:
    """Find what keeps a file from being read, with its line where that is known."""
    if path.is_dir():
        return None, "is a folder: must be a file"
    try:
        content = path.read_bytes()
        text = content.decode()
        loaded = OmegaConf.load(path)
    except OSError as error:
        return None, f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return line, f"is not UTF-8 text: byte {content[error.start]:#x}"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = _with_advice(" ".join(filter(None, [error.context, error.problem])))
        return mark.line + 1 if mark else None, reason
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return line, f"contains the character {error.character:#x}, which YAML forbids"
    except RecursionError:
        return None, TOO_DEEP
    except (OmegaConfBaseException, ValueError, TypeError) as error:
        return _line_that_fails(text), reason_of(error)
    if OmegaConf.is_list(loaded):
        return 1, "must hold keys and their values, not a list"
    return _defaults_problem(text, OmegaConf.select(loaded, "defaults"))


def _with_advice(reason: str) -> str:
    reason = " ".join(reason.split())
    if "'\\t'" in reason:
        return f"{reason}: indent with spaces instead of tabs"
    if "constructor for the tag" in reason:
        return f"{reason}: leave the tag out"
    return reason


def _line_that_fails(text: str) -> int | None:
    """Find the line of the first top-level key that OmegaConf does not accept."""
    for line, key, value in _top_level(text):
        try:
            OmegaConf.create({key: value})
        except (OmegaConfBaseException, ValueError, TypeError):
            return line
    return None


def _top_level(text: str) -> Iterator[tuple[int, Any, Any]]:
    """Walk the top-level keys of YAML that is well formed, with their lines."""
    loader = yaml.SafeLoader(text)
    node = loader.get_single_node()
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            made = (loader.construct_object(each, deep=True) for each in (key, value))
            yield key.start_mark.line + 1, *made


def _defaults_problem(text: str, defaults: Any) -> tuple[int | None, str] | None:
    if defaults is None:
        return None
    line = next((line for line, key, _ in _top_level(text) if key == "defaults"), None)
    if not OmegaConf.is_list(defaults):
        return line, f"defaults must be a list, not {defaults!r}"
    for entry in defaults:
        is_choice = OmegaConf.is_dict(entry) and len(entry) == 1
        if not isinstance(entry, str) and not is_choice:
            return line, (
                f"defaults holds {entry!r}, which is neither a name nor one "
                "'group: choice'"
            )
    return None


def circular_defaults(folder: Path) -> str | None:
    """Find a file whose defaults list leads back to itself.

    Returns
    -------
    One sentence with the file's path and the line; None if there is no such file.
    """
    uses = {path: _uses(folder, path) for path in sorted(folder.rglob("*.yaml"))}
    for start in uses:
        seen: set[Path] = set()
        left = list(uses[start])
        while left:
            path = left.pop()
            if path == start:
                lines = (
                    line
                    for line, key, _ in _top_level(start.read_text(encoding="utf-8"))
                    if key == "defaults"
                )
                return f"{start}, line {next(lines)}: its defaults list leads to itself"
            if path not in seen:
                seen.add(path)
                left += uses.get(path, [])
    return None


def _uses(folder: Path, path: Path) -> list[Path]:
    """List the files of a folder that a file's defaults list may name."""
    found = []
    for entry in OmegaConf.select(OmegaConf.load(path), "defaults") or []:
        group, name = (
            next(iter(entry.items())) if OmegaConf.is_dict(entry) else ("", entry)
        )
        group = str(group).removeprefix("override ").removeprefix("optional ")
        group = group.partition("@")[0].strip()
        base = folder if f"{group}{name}".startswith("/") else path.parent
        for each in name if OmegaConf.is_list(name) else [name]:
            relative = "/".join(filter(None, [group.strip("/"), str(each).strip("/")]))
            found.append(base / f"{relative}.yaml")
    return found
