"""The message about an unforeseen error: its cause, and the log to report it with."""

import errno
import os
import platform
import sys
import tempfile
import traceback
from importlib.metadata import PackageNotFoundError, version

from fedrobust import __version__
from fedrobust.errors import reason_of

# Errors that the operating system causes, not the program.
SYSTEM_ERRORS = {
    errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM,
    errno.ENOSPC, errno.EPIPE, errno.EROFS,
}  # fmt: skip
PACKAGES = ("flwr", "tensorflow", "keras", "numpy", "hydra-core", "ray")


def describe(error: Exception) -> str:
    """Log an unforeseen error, and return one sentence for the user.

    Errors of the operating system and too little memory are not logged, as they are no
    fault of the program.
    """
    if isinstance(error, MemoryError):
        return f"not enough memory: {reason_of(error)}"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{os.fspath(error.filename)!s}: {error.strerror or reason_of(error)}"
    if isinstance(error, OSError) and error.errno in SYSTEM_ERRORS:
        return f"a file or the output cannot be used: {error.strerror}"
    # Imported late, as a command that works needs no rules for this.
    from strategies.rules.base import FaultyRuleError

    if isinstance(error, FaultyRuleError):
        return f"{reason_of(error)}; see {_logged(error)}"
    fault = f"{type(error).__name__}: {reason_of(error)}"
    return (
        f"this is a fault of fedrobust, not yours ({fault}): please open an issue of "
        f"the project with {_logged(error)}"
    )


def _logged(error: Exception) -> str:
    """Write traceback, command and versions to a log; return words that name it."""
    lines = [
        f"command: {' '.join(sys.argv)}",
        f"fedrobust {__version__}, Python {platform.python_version()}, "
        f"{platform.platform()}",
        *(f"{package} {_version(package)}" for package in PACKAGES),
        "",
        *traceback.format_exception(error),
    ]
    text = "\n".join(lines).encode(errors="backslashreplace")
    try:
        with tempfile.NamedTemporaryFile(
            prefix="fedrobust-", suffix=".log", delete=False
        ) as file:
            file.write(text)
    except OSError as failed:
        return f"the command (the log could not be written: {failed})"
    return f"its log {file.name}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
