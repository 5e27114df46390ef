"""``fedrobust list``: the groups of conf/, or the choices of one."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from fedrobust.config.compose import existing_folder, groups
from fedrobust.errors import ConfigError, nearest

HELP = """usage: fedrobust list [GROUP ...] [--markdown] [--config-dir FOLDER]

  GROUP          show its choices, a line each; without one, every group with the names
                 of its choices
  --markdown     write Markdown; of a GROUP also every key with its default, what it
                 means and which values it takes, and the method with its citation
  --config-dir   a folder with configuration of your own, to list as well
"""


def command(arguments: Sequence[str]) -> int:
    """Print the groups of conf/, or the choices of some groups."""
    if any(a in ("-h", "--help") for a in arguments):
        print(HELP, end="")
        return 0
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.error = _refuse  # type: ignore[method-assign]
    parser.add_argument("groups", nargs="*")
    parser.add_argument("--config-dir")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_intermixed_args(arguments)
    extra_dir = options.config_dir
    known = groups(None if extra_dir is None else existing_folder(extra_dir))
    for group in options.groups:
        if group not in known:
            raise ConfigError(
                f"{group}: there is no such group, {nearest(group, known)}"
            )
    if options.markdown:
        # It loads the classes that the choices name, and TensorFlow with them.
        from fedrobust.report.catalogue import group_page, overview

        pages = [group_page(group, extra_dir) for group in options.groups]
        print("\n".join(pages or [overview()]), end="")
        return 0
    if not options.groups:
        for group, choices in known.items():
            print(f"{group:12} {', '.join(choices)}")
        return 0
    for group in options.groups:
        width = max(map(len, known[group]))
        for choice, comment in known[group].items():
            print(f"{choice:{width}}  {comment}")
    return 0


def _refuse(message: str) -> NoReturn:
    raise ConfigError(message)
