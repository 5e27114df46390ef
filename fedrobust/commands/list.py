"""``fedrobust list``: the groups of conf/, or the choices of one."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from fedrobust.config.compose import existing_folder, groups
from fedrobust.errors import ConfigError, nearest

HELP = """usage: fedrobust list [GROUP ...] [--config-dir FOLDER]

  GROUP          show its choices, a line each; without one, every group with the names
                 of its choices
  --config-dir   a folder with configuration of your own, to list as well
"""


def command(arguments: Sequence[str]) -> int:
    """Print what there is to choose from."""
    if any(a in ("-h", "--help") for a in arguments):
        print(HELP, end="")
        return 0
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.error = _refuse  # type: ignore[method-assign]
    parser.add_argument("groups", nargs="*")
    parser.add_argument("--config-dir")
    options = parser.parse_intermixed_args(arguments)
    extra_dir = options.config_dir
    found = groups(None if extra_dir is None else existing_folder(extra_dir))
    if not options.groups:
        for group, choices in found.items():
            print(f"{group:12} {', '.join(choices)}")
        return 0
    for group in options.groups:
        if group not in found:
            raise ConfigError(
                f"{group}: there is no such group, {nearest(group, found)}"
            )
        width = max(map(len, found[group]))
        for choice, comment in found[group].items():
            print(f"{choice:{width}}  {comment}")
    return 0


def _refuse(message: str) -> NoReturn:
    raise ConfigError(message)
