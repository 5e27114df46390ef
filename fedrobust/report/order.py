"""The order of choices in tables and figures: the baseline first, then by name."""

from functools import lru_cache

from fedrobust.config.conf_folder import config_dir
from fedrobust.files import read_yaml


def rank(group: str, choice: str) -> tuple[bool, float, str]:
    """Return the key to sort choices by: the default of conf/, numbers, then names."""
    try:
        number = float(choice)
    except ValueError:
        number = float("inf")
    return choice != _defaults().get(group), number, choice


@lru_cache(maxsize=1)
def _defaults() -> dict[str, str]:
    """Return the choice that conf/config.yaml makes in each group."""
    config = read_yaml(config_dir() / "config.yaml", "restore it")
    return {
        group: str(choice)
        for entry in config["defaults"]
        if isinstance(entry, dict)
        for group, choice in entry.items()
    }
