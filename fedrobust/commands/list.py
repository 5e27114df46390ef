"""``fedrobust list``: the groups of conf/, or the choices of one."""

from collections.abc import Sequence

from fedrobust.compose import groups
from fedrobust.errors import ConfigError, nearest


def command(arguments: Sequence[str]) -> int:
    """Print what there is to choose from."""
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
