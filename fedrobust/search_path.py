"""Where Python finds our packages, and the modules of the user that a key names."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fedrobust.errors import ConfigError


def import_strategies() -> None:
    """Import ``strategies``, which is always the package next to ``fedrobust``.

    Raises
    ------
    ConfigError
        When another package of this name has been imported.
    """
    home = str(Path(__file__).resolve().parents[1])
    sys.path.insert(0, home)
    try:
        importlib.import_module("strategies.validation")
    except ImportError as error:
        hiding = getattr(sys.modules["strategies"], "__file__", None)
        raise ConfigError(
            f"{hiding} hides the package strategies of {home}: rename it, or start "
            "fedrobust in another folder"
        ) from error
    finally:
        sys.path.remove(home)


def search_current_folder_last() -> None:
    """Append the current folder to the path, so that ``_target_`` finds modules there.

    Installed modules take precedence, in this process and in those that it starts with
    its path.

    Raises
    ------
    ConfigError
        When the current folder no longer exists.
    """
    try:
        current = str(Path.cwd())
    except FileNotFoundError as error:
        raise ConfigError(
            "the current folder no longer exists: change to another one"
        ) from error
    if current != str(Path(__file__).resolve().parents[1]):
        others = [path for path in sys.path if path not in ("", current)]
        sys.path[:] = [*others, current]


@contextmanager
def current_folder_last() -> Iterator[None]:
    """Search the current folder last in the context, and restore the path after it.

    Entries that the user's modules add in the context are kept.
    """
    before = [*sys.path]
    search_current_folder_last()
    own = {*before, *sys.path}
    try:
        yield
    finally:
        sys.path[:] = [*before, *(path for path in sys.path if path not in own)]
