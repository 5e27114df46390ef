"""Composing conf/ with Hydra: a single configuration, or all those of a multirun."""

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import setup_globals
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from fedrobust.config import Config
from fedrobust.config.conf_folder import config_dir as config_dir
from fedrobust.config.conf_folder import existing_folder as existing_folder
from fedrobust.config.conf_folder import groups as groups
from fedrobust.config.hydra_errors import explain
from fedrobust.config.hydra_loader import Loader, loader_for
from fedrobust.config.load import forget_checks, load_once
from fedrobust.config.user_files import broken_file, circular_defaults
from fedrobust.errors import ConfigError, nearest, reason_of

# The primary configuration file of conf/.
CONFIG = "config"

# The digest of the configuration whose folder is being resolved, if it is known.
_known_digest: ContextVar[str | None] = ContextVar("known_digest", default=None)


def science_digest(*, _root_: DictConfig) -> str:
    """Return the digest by which conf/ names the folder of a run."""
    # A launcher pickles the resolvers for its processes: a function of a module goes
    # by its name, where one within a function would take the context along.
    return _known_digest.get() or load_once(_root_).digest


def for_choice(group: str, values: DictConfig, *, _root_: DictConfig) -> Any:
    """Return the value for the choice that is made in a group.

    With it, a sweep over choices gives each its own value of another key:
    ``num_clients: ${for_choice:privacy,{client_dp:240,dp_sgd:5}}``.

    Raises
    ------
    ConfigError
        When the group is unknown, or its choice has no value.
    """
    # Hydra hands a job its configuration without the node ``hydra``.
    composed = _root_.hydra if "hydra" in _root_ else HydraConfig.get()
    choices = composed.runtime.choices
    if group not in choices:
        raise ConfigError(f"for_choice: no group {group!r}, {nearest(group, choices)}")
    choice = str(choices[group])
    if choice not in values:
        raise ConfigError(
            f"for_choice: {group}={choice} has no value: add one to those for "
            f"{', '.join(map(str, values))}"
        )
    return values[choice]


def register_resolvers() -> None:
    """Register the functions that configurations may call, with OmegaConf."""
    for resolver in (science_digest, for_choice):
        OmegaConf.register_new_resolver(resolver.__name__, resolver, replace=True)


@contextlib.contextmanager
def _composer(extra_dir: str | None) -> Iterator[Loader]:
    """Yield a loader; convert Hydra's exceptions to one sentence for the user."""
    register_resolvers()
    setup_globals()
    # Files may have changed since an earlier command.
    forget_checks()
    folder = None if extra_dir is None else existing_folder(extra_dir)
    try:
        yield loader_for(folder)
    except (OverrideParseException, MissingConfigException) as error:
        raise ConfigError(explain(error, extra_dir)) from error
    except Exception as error:
        problem = None
        if folder is not None:
            problem = broken_file(folder) or circular_defaults(folder)
        if problem is not None:
            raise ConfigError(problem) from error
        if isinstance(error, HydraException | OmegaConfBaseException):
            raise ConfigError(explain(error)) from error
        raise


def loader_in(extra_dir: str | None) -> Loader:
    """Return a loader of conf/ and, if given, of a folder of the user."""
    return loader_for(None if extra_dir is None else existing_folder(extra_dir))


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
        When the overrides cannot be composed.
    """
    with _composer(extra_dir) as loader:
        return _compose(loader, list(overrides))


def _compose(loader: Loader, words: list[str]) -> DictConfig:
    """Compose; Hydra does not catch what Python raises at an unusual value or file."""
    try:
        return loader.load_configuration(CONFIG, words, RunMode.RUN, from_shell=False)
    except (ConfigError, MissingConfigException, OverrideParseException):
        raise
    except ConfigCompositionException as error:
        raise ConfigError(explain(error, overrides=words)) from error
    except (HydraException, OmegaConfBaseException):
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(f"{' '.join(words)}: cannot be composed: {reason}") from error


def compose_sweep(
    overrides: Sequence[str], extra_dir: str | None = None
) -> Iterator[tuple[list[str], DictConfig]]:
    """Compose the combinations of a multirun one by one, with the overrides of each.

    Raises
    ------
    ConfigError
        When one of them does not compose.
    """
    with _composer(extra_dir) as loader:
        # A choice may define hydra.sweeper.params. Overrides of values are left out
        # here, as their keys may belong to a choice that is swept over.
        choices = [
            str(o.input_line)
            for o in loader.parser.parse_overrides(list(overrides))
            if not o.is_sweep_override()
            and (
                o.key_or_group.startswith("hydra")
                or loader.get_group_options(o.key_or_group)
            )
        ]
        base = _compose(loader, choices)
        params = base.hydra.sweeper.get("params") or {}
        parsed = loader.parser.parse_overrides(
            [*(f"{k}={v}" for k, v in params.items()), *overrides]
        )
        (combinations,) = BasicSweeper.split_arguments(parsed, None)
        for combination in combinations:
            try:
                composed = _compose(loader, list(combination))
            except ConfigError as error:
                raise ConfigError(f"{error} (in {' '.join(combination)})") from error
            yield list(combination), composed


def checked(composed: DictConfig, extra_dir: str | None = None) -> Config:
    """Check a composed configuration.

    Raises
    ------
    ConfigError
        As for ``load_config``; the message names the user's file that sets the key.
    """
    try:
        return load_once(composed)
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


def number_job(composed: DictConfig, number: int) -> None:
    """Set a job's number in its multirun, from 0, as Hydra's launcher does."""
    with read_write(composed.hydra.job), open_dict(composed.hydra.job):
        composed.hydra.job.num = composed.hydra.job.id = number


def resolved_folder(composed: DictConfig, key: str, digest: str | None = None) -> Path:
    """Read a folder that Hydra will use, which may depend on the job.

    Parameters
    ----------
    composed
        What was composed for the job.
    key
        ``hydra.run.dir``, ``hydra.sweep.dir`` or ``hydra.sweep.subdir``.
    digest
        The training digest, if ``composed`` has been checked; None checks it.

    Raises
    ------
    ConfigError
        When the folder cannot be resolved.
    """
    known = _known_digest.set(digest)
    HydraConfig.instance().cfg = composed  # type: ignore[assignment]  # ${hydra:...}
    try:
        return Path(str(OmegaConf.select(composed, key, throw_on_missing=True)))
    except OmegaConfBaseException as error:
        reason = reason_of(error)
        if key == "hydra.run.dir" and "hydra.job." in reason:
            reason += ", which only jobs of a multirun have (-m)"
        raise ConfigError(f"{key} cannot be read: {reason}") from error
    finally:
        _known_digest.reset(known)


def sweep_folder(overrides: Sequence[str]) -> str:
    """Return the folder of a multirun; equal overrides share it, so they resume.

    A multirun that is tracked is the same multirun.
    """
    counted = (o for o in overrides if not re.match(r"[+~]*tracking[.=@]", o))
    text = "\n".join(sorted(counted))
    return f"multirun/{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def split_overrides(text: str) -> list[str]:
    """Split overrides at spaces outside quotes."""
    return re.findall(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""", text)
