"""Composing conf/ with Hydra: one configuration, or every one of a multirun."""

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fedrobust.config import Config, load_config
from fedrobust.config.files import broken_file, circular_defaults
from fedrobust.errors import ConfigError, nearest


SEARCH_PATH = "hydra.searchpath"


def config_dir() -> Path:
    """Find conf/: in the installed package, else beside it in a checkout."""
    here = Path(__file__).resolve().parent
    for folder in (here / "conf", here.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise FileNotFoundError(f"conf/config.yaml is neither in {here} nor beside it")


def register_resolvers() -> None:
    """Let conf/ name a run's folder by the digest of its science."""

    def science_digest(*, _root_: DictConfig) -> str:
        return load_config(_root_).digest

    OmegaConf.register_new_resolver("science_digest", science_digest, replace=True)


def existing_folder(extra_dir: str) -> Path:
    """Check the folder that ``--config-dir`` names.

    Raises
    ------
    ConfigError
        When it is none.
    """
    folder = Path(extra_dir).resolve()
    if not folder.is_dir():
        raise ConfigError(f"--config-dir={extra_dir}: there is no such folder")
    return folder


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
    except OverrideParseException as error:
        raise ConfigError(_explain(error)) from error
    except MissingConfigException as error:
        raise ConfigError(_explain_missing(error, extra_dir)) from error
    except Exception as error:
        problem = None
        if extra_dir is not None:
            problem = broken_file(folder) or circular_defaults(folder)
        if problem is not None:
            raise ConfigError(problem) from error
        if isinstance(error, HydraException | OmegaConfBaseException):
            raise ConfigError(_explain(error)) from error
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
    except (ConfigError, HydraException, OmegaConfBaseException):
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
        swept = {
            o.get_key_element()
            for o in parser.parse_overrides(list(overrides))
            if o.is_sweep_override()
        }
        plain = [o for o in overrides if o.partition("=")[0] not in swept]
        base = _compose([*added, *plain])
        params = base.hydra.sweeper.get("params") or {}
        parsed = parser.parse_overrides(
            [*(f"{k}={v}" for k, v in params.items()), *overrides]
        )
        (combinations,) = BasicSweeper.split_arguments(parsed, None)
        for combination in combinations:
            yield list(combination), _compose([*added, *combination])


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


def sweep_folder(overrides: Sequence[str]) -> str:
    """Name the folder of a multirun by what was typed: typing it again resumes."""
    text = "\n".join(sorted(overrides))
    return f"multirun/{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def split_overrides(text: str) -> list[str]:
    """Split overrides at spaces that are not within quotes, which Hydra reads."""
    return re.findall(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""", text)


def groups(extra_dir: str | Path | None = None) -> dict[str, dict[str, str]]:
    """List the choices of each group with the first comment of their files.

    Parameters
    ----------
    extra_dir
        A folder with configuration of the user's own; for a choice of conf/ too,
        conf/ wins.
    """
    found: dict[str, dict[str, str]] = {}
    roots = [config_dir()] if extra_dir is None else [Path(extra_dir), config_dir()]
    paths = [(r, p) for r in roots for n in (1, 2) for p in r.glob("*/" * n + "*.yaml")]
    for root, path in sorted(paths, key=lambda found: found[1].relative_to(found[0])):
        comments = []
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            comments = [
                line.lstrip("# ")
                for line in text.splitlines()
                if line.startswith("#") and "@package" not in line
            ]
        group = path.parent.relative_to(root).as_posix()
        found.setdefault(group, {})[path.stem] = " ".join(comments)
    return found


def _explain_missing(error: MissingConfigException, extra_dir: str | None) -> str:
    """Name the file that is no file, else the nearest choice."""
    if not error.missing_cfg_file:
        return _explain(error)
    if extra_dir is not None:
        path = Path(extra_dir) / f"{error.missing_cfg_file}.yaml"
        if path.is_dir() or path.is_symlink():
            kind = "a folder" if path.is_dir() else "a link to nothing"
            return f"{path}: must be a file, and is {kind}"
    group, _, choice = error.missing_cfg_file.rpartition("/")
    options = list(error.options or groups(extra_dir).get(group, {}))
    if not options:
        return f"{group}={choice}: there is no such group, {nearest(group, groups())}"
    return f"{group}={choice}: there is no such choice, {nearest(choice, options)}"


def _explain(error: Exception) -> str:
    """Make one sentence of what Hydra says, with the nearest valid choice."""
    lines = [line for line in map(str.strip, str(error).splitlines()) if line]
    text = str(error)
    if isinstance(error, OverrideParseException):
        return (
            f"{error.override}: not an override, write key=value and quote a value "
            "that holds spaces or signs: key='a value'"
        )
    match = re.search(r"Could not override '([^']+)'", text)
    if isinstance(error, ConfigCompositionException) and match:
        key = match.group(1)
        return f"{key}: there is no such key, {nearest(key, _known_keys())}"
    reason = lines[0] if lines else type(error).__name__
    cause = " ".join(str(error.__cause__).split()) if error.__cause__ else ""
    return f"{reason.rstrip(':')}: {cause}" if cause else reason


def _known_keys() -> list[str]:
    """List every key of the default configuration, with the groups."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        default = compose("config")
    keys: list[str] = list(groups())

    def walk(node: Any, prefix: str) -> None:
        for name in node:
            keys.append(prefix + str(name))
            if OmegaConf.is_dict(node._get_node(name)):
                walk(node._get_node(name), f"{prefix}{name}.")

    walk(default, "")
    return sorted(set(keys))
