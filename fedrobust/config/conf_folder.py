"""What conf/ offers, and a folder of the user's own beside it: groups and choices."""

from functools import lru_cache
from pathlib import Path

import yaml

import fedrobust
from fedrobust.errors import ConfigError, reason_of


def config_dir() -> Path:
    """Find conf/: in the installed package, else beside it in a checkout."""
    here = Path(fedrobust.__file__).resolve().parent
    for folder in (here / "conf", here.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise FileNotFoundError(f"conf/config.yaml is neither in {here} nor beside it")


def existing_folder(extra_dir: str) -> Path:
    """Check the folder that ``--config-dir`` names.

    Raises
    ------
    ConfigError
        When it is none.
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

    A folder within a group is a group too where config.yaml names it, and else holds
    more choices, such as ``flanders_baseline/lie``. Sweeps over ``glob(*)`` leave these
    out.

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
        group, choice = path.parent.relative_to(root).as_posix(), path.stem
        if "/" in group and group not in _nested_groups():
            group, _, folder = group.partition("/")
            choice = f"{folder}/{choice}"
        found.setdefault(group, {})[choice] = " ".join(comments)
    return found


@lru_cache(maxsize=1)
def _nested_groups() -> set[str]:
    """Read which groups within groups config.yaml has a choice of."""
    text = (config_dir() / "config.yaml").read_text(encoding="utf-8")
    entries = [e for e in yaml.safe_load(text)["defaults"] if isinstance(e, dict)]
    return {group for entry in entries for group in entry if "/" in group}
