"""Read the configurations of a sweep, which share most of their text.

A configuration is parsed in blocks: a key without indentation and the lines below it.
Most blocks of a sweep are the same in many files, and each is parsed once. If something
goes on beyond its block, such as a list in brackets or an alias, that block is no YAML
on its own, and the file is parsed as a whole.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from fedrobust.files import parse_yaml, read_text, read_yaml

_KEY = re.compile(r"^(?=[A-Za-z_]\w*:(?:\s|$))", re.MULTILINE)
_parsed_once = lru_cache(maxsize=8192)(parse_yaml)


def read_config(path: Path, advice: str) -> Any:
    """Return the contents of a YAML file, whose values must not be changed.

    Raises
    ------
    FileError
        When the file cannot be read.
    """
    before, *blocks = _KEY.split(read_text(path, advice))
    if before or not blocks:
        return read_yaml(path, advice)
    try:
        return {k: v for block in blocks for k, v in _parsed_once(block).items()}
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError):
        # Parsed as a whole it may be right; if not, the message names the line.
        return read_yaml(path, advice)
