"""The groups and choices of conf/, and of a user's configuration folder."""

from functools import lru_cache
from pathlib import Path

import yaml

import fedrobust
from fedrobust.errors import ConfigError, reason_of


def config_dir() -> Path:
    """Return the folder conf/: in an installed package, else beside the package."""
    package = Path(fedrobust.__file__).resolve().parent
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise FileNotFoundError(f"conf/config.yaml is neither in {package} nor beside it")


def existing_folder(extra_dir: str) -> Path:
    """Check the folder that ``--config-dir`` names.

    Raises
    ------
    ConfigError
        When there is no such folder.
    """
    try:
        folder = Path(extra_dir).resolve()
        is_folder = folder.is_dir()
    except (OSError, ValueError) as error:
        raise ConfigError(f"--config-dir={extra_dir}: {reason_of(error)}") from error
    if not is_folder:
        raise ConfigError(f"--config-dir={extra_dir}: there is no such folder")
    return folder


def groups(extra_dir: str | Path | None = None) -> dict[str, dict[str, str]]:
    """List the choices of each group with the first comment of their files.

    A folder within a group is a nested group if config.yaml names it. Otherwise it
    holds more choices of the group, such as ``flanders_baseline/lie``, which sweeps
    over ``glob(*)`` leave out.

    Parameters
    ----------
    extra_dir
        A folder with the user's own configuration. Choices that conf/ has too keep the
        comment of conf/.
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
        group, choice = path.parent.relative_to(root).as_posix(), path.stem
        if "/" in group and group not in _nested_groups():
            group, _, folder = group.partition("/")
            choice = f"{folder}/{choice}"
        found.setdefault(group, {})[choice] = " ".join(comments)
    return found


@lru_cache(maxsize=1)
def default_choices() -> dict[str, str | None]:
    """Return the choice of each group that config.yaml names."""
    text = (config_dir() / "config.yaml").read_text(encoding="utf-8")
    entries = [e for e in yaml.safe_load(text)["defaults"] if isinstance(e, dict)]
    return {
        group: choice
        for entry in entries
        for group, choice in entry.items()
        if not group.startswith("override ")
    }


def _nested_groups() -> set[str]:
    """Return the groups within groups that the defaults of config.yaml name."""
    return {group for group in default_choices() if "/" in group}
