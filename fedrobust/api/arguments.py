"""Checks of what a call from Python is given."""

from collections.abc import Sequence
from contextlib import suppress
from os import PathLike
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException
from omegaconf import DictConfig, OmegaConf

from fedrobust.errors import ConfigError

Folder = str | PathLike[str] | None
# What only the command does, by key: its value when nobody asks for it.
OF_THE_COMMAND: dict[str, object] = {
    "hydra.launcher._target_": "hydra._internal.core_plugins.basic_launcher."
    "BasicLauncher",
    "hydra.sweeper._target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
    "hydra.callbacks": {},
    "hydra.job.env_set": {},
    "hydra.job.chdir": None,
}


def check_words(overrides: Sequence[object]) -> None:
    """Refuse overrides that are not text, such as a dictionary."""
    for word in overrides:
        if not isinstance(word, str):
            raise ConfigError(
                f"{word!r}: must be an override as text, such as 'strategy=krum'"
            )


def refuse_several(overrides: Sequence[str]) -> None:
    """Refuse several values; the message of the command would name its flag -m."""
    with suppress(OverrideParseException):  # composing explains it
        for override in OverridesParser.create().parse_overrides(list(overrides)):
            if override.is_sweep_override():
                raise ConfigError(
                    f"{override.input_line}: must be one value: use fedrobust.sweep "
                    f"to run each, or write [...] for one list"
                )


def refuse_command_keys(composed: DictConfig) -> None:
    """Refuse keys that only the command heeds, as they would be ignored in silence."""
    for key, usual in OF_THE_COMMAND.items():
        value = OmegaConf.select(composed, key)
        if value != usual and value is not False:
            raise ConfigError(
                f"{key}={value}: works only on the command line: leave it out, or use "
                "fedrobust run there, and read its folder with fedrobust.load"
            )


def existing(config_dir: Folder) -> str | None:
    """Return the folder as text, as composing takes it; refuse one that is missing."""
    if config_dir is not None and not Path(config_dir).is_dir():
        raise ConfigError(f"config_dir={str(config_dir)!r}: there is no such folder")
    return None if config_dir is None else str(config_dir)


def chosen_folder(folder: Folder, overrides: Sequence[str], key: str) -> Path | None:
    """Return the folder that the caller named; refuse one that is named twice."""
    if folder is None:
        return None
    if any(word.lstrip("+~").partition("=")[0] == key for word in overrides):
        raise ConfigError(f"folder={str(folder)!r} and {key}: leave one of them out")
    return Path(folder)
