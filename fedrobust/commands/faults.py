"""What is told of an error that nobody foresaw: whose fault it is, and its log."""

import errno
import os
import platform
import sys
import tempfile
import traceback
from importlib.metadata import PackageNotFoundError, version

from fedrobust import __version__
from fedrobust.errors import reason_of

# What the system, not the program, is the reason of.
OF_THE_SYSTEM = {
    errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM,
    errno.ENOSPC, errno.EPIPE, errno.EROFS,
}  # fmt: skip
PACKAGES = ("flwr", "tensorflow", "keras", "numpy", "hydra-core", "ray")


def describe(error: Exception) -> str:
    """Log an unforeseen error, and return one sentence for the user.

    An error of the operating system or of too little memory is nobody's fault, and is
    told without a log.
    """
    if isinstance(error, MemoryError):
        return f"not enough memory: {reason_of(error)}"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{os.fspath(error.filename)!s}: {error.strerror or reason_of(error)}"
    if isinstance(error, OSError) and error.errno in OF_THE_SYSTEM:
        return f"a file or the output cannot be used: {error.strerror}"
    what = f"{type(error).__name__}: {reason_of(error)}"
    return (
        f"this is a fault of fedrobust, not yours ({what}): please open an issue of "
        f"the project with {_logged(error)}"
    )


def _logged(error: Exception) -> str:
    """Write the traceback, the command and the versions to a file; name the file."""
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
        return f"the command (no log, as it cannot be written: {failed})"
    return f"its log {file.name}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
