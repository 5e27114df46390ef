"""Composing conf/ with Hydra: one configuration, or every one of a multirun."""

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from fedrobust.config import Config, load_config
from fedrobust.config.conf_folder import config_dir as config_dir
from fedrobust.config.conf_folder import existing_folder as existing_folder
from fedrobust.config.conf_folder import groups as groups
from fedrobust.config.hydra_errors import explain
from fedrobust.config.user_files import broken_file, circular_defaults
from fedrobust.errors import ConfigError, reason_of

SEARCH_PATH = "hydra.searchpath"


def register_resolvers() -> None:
    """Let conf/ name a run's folder by the digest of its science."""

    def science_digest(*, _root_: DictConfig) -> str:
        return load_config(_root_).digest

    OmegaConf.register_new_resolver("science_digest", science_digest, replace=True)


@contextlib.contextmanager
def _composer(extra_dir: str | None) -> Iterator[list[str]]:
    """Start Hydra on conf/; give the overrides that add the user's folder."""
    register_resolvers()
    GlobalHydra.instance().clear()
    added = []
    if extra_dir is not None:
        folder = existing_folder(extra_dir)
        added = [f"{SEARCH_PATH}=[file://{folder}]"]
    try:
        with initialize_config_dir(str(config_dir()), version_base="1.3"):
            yield added
    except (OverrideParseException, MissingConfigException) as error:
        raise ConfigError(explain(error, extra_dir)) from error
    except Exception as error:
        problem = None
        if extra_dir is not None:
            problem = broken_file(folder) or circular_defaults(folder)
        if problem is not None:
            raise ConfigError(problem) from error
        if isinstance(error, HydraException | OmegaConfBaseException):
            raise ConfigError(explain(error)) from error
        raise


def compose_run(overrides: Sequence[str], extra_dir: str | None = None) -> DictConfig:
    """Compose one configuration, the node ``hydra`` included.

    Parameters
    ----------
    overrides
        As on the command line.
    extra_dir
        A folder with configuration of the user's own.

    Raises
    ------
    ConfigError
        With one sentence, when it does not compose.
    """
    with _composer(extra_dir) as added:
        return _compose([*added, *overrides])


def _compose(words: list[str]) -> DictConfig:
    """Compose; Hydra lets through whatever Python raises at a strange value or file."""
    try:
        return compose("config", words, return_hydra_config=True)
    except (ConfigError, MissingConfigException, OverrideParseException):
        raise
    except ConfigCompositionException as error:
        raise ConfigError(explain(error, overrides=words)) from error
    except (HydraException, OmegaConfBaseException):
        raise
    except Exception as error:
        said = " ".join(word for word in words if not word.startswith(SEARCH_PATH))
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(f"{said}: cannot be composed: {reason}") from error


def compose_sweep(
    overrides: Sequence[str], extra_dir: str | None = None
) -> Iterator[tuple[list[str], DictConfig]]:
    """Compose the combinations of a multirun one by one, with the overrides of each.

    Raises
    ------
    ConfigError
        When one of them does not compose.
    """
    with _composer(extra_dir) as added:
        # It needs the loader to expand strategy=glob(*).
        loader = GlobalHydra.instance().config_loader()
        parser = OverridesParser.create(config_loader=loader)
        # A choice may bring hydra.sweeper.params. Values do not, and may need a choice
        # that is swept over: they wait for the combinations.
        choices = [
            str(o.input_line)
            for o in parser.parse_overrides(list(overrides))
            if not o.is_sweep_override()
            and (
                o.key_or_group.startswith("hydra")
                or loader.get_group_options(o.key_or_group)
            )
        ]
        base = _compose([*added, *choices])
        params = base.hydra.sweeper.get("params") or {}
        parsed = parser.parse_overrides(
            [*(f"{k}={v}" for k, v in params.items()), *overrides]
        )
        (combinations,) = BasicSweeper.split_arguments(parsed, None)
        for combination in combinations:
            try:
                composed = _compose([*added, *combination])
            except ConfigError as error:
                raise ConfigError(f"{error} (in {' '.join(combination)})") from error
            yield list(combination), composed


def checked(composed: DictConfig, extra_dir: str | None = None) -> Config:
    """Check what was composed.

    Raises
    ------
    ConfigError
        As ``load_config``, with the user's own file where the key comes from one.
    """
    try:
        return load_config(composed)
    except ConfigError as error:
        choices = composed.hydra.runtime.choices if extra_dir is not None else {}
        for group, choice in choices.items():
            path = Path(str(extra_dir)) / f"{group}/{choice}.yaml"
            key = str(group).replace("/", ".")
            if re.match(rf"{re.escape(key)}\b", str(error)) and path.is_file():
                empty = OmegaConf.load(path) == {}
                where = f"{path} is empty" if empty else f"from {path}"
                raise ConfigError(f"{error} ({where})") from error
        raise


def resolved_folder(composed: DictConfig, key: str, number: int | None = None) -> Path:
    """Read a folder that Hydra will use, which may depend on the job.

    Parameters
    ----------
    composed
        What was composed for the job.
    key
        ``hydra.run.dir``, ``hydra.sweep.dir`` or ``hydra.sweep.subdir``.
    number
        The job's number in its multirun, from 0; None for a single run.

    Raises
    ------
    ConfigError
        When it cannot be read.
    """
    if number is not None:
        with read_write(composed.hydra.job), open_dict(composed.hydra.job):
            composed.hydra.job.num = number
            # As Hydra's own launcher numbers them.
            composed.hydra.job.id = number
    HydraConfig.instance().set_config(composed)  # for ${hydra:...}
    try:
        return Path(str(OmegaConf.select(composed, key, throw_on_missing=True)))
    except OmegaConfBaseException as error:
        reason = reason_of(error)
        if number is None and "hydra.job." in reason:
            reason += ", which only jobs of a multirun have (-m)"
        raise ConfigError(f"{key} cannot be read: {reason}") from error


def sweep_folder(overrides: Sequence[str]) -> str:
    """Name the folder of a multirun by what was typed: typing it again resumes."""
    text = "\n".join(sorted(overrides))
    return f"multirun/{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def split_overrides(text: str) -> list[str]:
    """Split overrides at spaces that are not within quotes, which Hydra reads."""
    return re.findall(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""", text)
