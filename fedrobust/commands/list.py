"""``fedrobust list``: the groups of conf/, or the choices of one."""

from collections.abc import Sequence

from fedrobust.compose import groups
from fedrobust.errors import ConfigError, nearest

HELP = """usage: fedrobust list [GROUP ...]

  GROUP   show its choices, a line each; without one, every group and its choices' names
"""


def command(arguments: Sequence[str]) -> int:
    """Print what there is to choose from."""
    if any(a in ("-h", "--help") for a in arguments):
        print(HELP, end="")
        return 0
    found = groups()
    if not arguments:
        for group, choices in found.items():
            print(f"{group:12} {', '.join(choices)}")
        return 0
    for group in arguments:
        if group not in found:
            raise ConfigError(
                f"{group}: there is no such group, {nearest(group, found)}"
            )
        width = max(map(len, found[group]))
        for choice, comment in found[group].items():
            print(f"{choice:{width}}  {comment}")
    return 0
