"""Files that a crash cannot corrupt, and one-sentence errors about unusable files.

This module reads every JSON, JSON-lines and YAML file of a run, and turns every
``OSError`` of a write into a :class:`FileError`.
"""

import errno
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import yaml
from filelock import BaseFileLock, FileLock, Timeout

from fedrobust.errors import FileError, summary_of, tell

Json = dict[str, Any]

# Seconds to wait for another process before saying so.
PATIENCE = 1.0
# How often in a row other processes may remove the folder of a lock.
ATTEMPTS = 100


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that atomically replaces another once it is written."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, text: str) -> None:
    """Replace a text file atomically."""
    with replacing(path) as file:
        file.write(text.encode())


def append_line(path: Path, text: str) -> None:
    """Append a line to an existing file."""
    # Mode "a" would recreate the file in a folder that is just being deleted.
    with path.open("r+", encoding="utf-8") as file:
        file.seek(0, os.SEEK_END)
        file.write(text + "\n")


def to_disk(path: Path) -> None:
    """Wait until a file is on disk, so that a power failure does not corrupt it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def file_digest(path: Path | str) -> str:
    """Digest what a file holds; a folder counts by its name alone."""
    path = Path(path)
    content = str(path).encode() if path.is_dir() else path.read_bytes()
    return hashlib.sha256(content).hexdigest()


def is_partial(path: Path) -> bool:
    """Return whether a file is a temporary one of ``replacing``."""
    return path.name.startswith(".") and ".partial" in path.suffixes


@contextmanager
def writing(path: Path, advice: str) -> Iterator[None]:
    """Turn an error of the system during a write into one sentence.

    Parameters
    ----------
    path
        The path that is written.
    advice
        The remedy to name in the message.

    Raises
    ------
    FileError
        Instead of an OSError or a MemoryError.
    """
    try:
        yield
    except (OSError, MemoryError) as error:
        raise FileError(
            f"{path} cannot be written: {_reason(error)}; {advice}"
        ) from error


def check_writable(path: Path, chosen_by: str) -> None:
    """Check that files can be created in a folder, which may not exist yet.

    Parameters
    ----------
    path
        The folder.
    chosen_by
        The key or the option by which the user chose it, for the message.

    Raises
    ------
    FileError
        When no file can be created there.
    """
    with writing(path, f"choose another {chosen_by}"):
        ancestor, missing = path.absolute(), []
        while not _is_there(ancestor):
            missing.append(ancestor.name)
            ancestor = ancestor.parent
        # The system checks a name only if the parent folder exists.
        for name in missing:
            _is_there(ancestor / name)
        # Creating a file also detects read-only disks, and respects root's rights.
        with tempfile.TemporaryFile(dir=ancestor):
            pass


def _is_there(path: Path) -> bool:
    """Return whether a path exists.

    Raises
    ------
    OSError
        When nothing can be created there, because the name is too long or a link is
        broken. ``Path.exists`` returns False for some of these.
    """
    try:
        path.stat()
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from error
    except (FileNotFoundError, NotADirectoryError):
        # A broken link prevents the creation of a folder.
        if path.is_symlink():
            raise
        return False
    return True


def _jsonable(value: Any) -> Any:
    """Return a value with null for infinity and NaN, and Python's types for NumPy's."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(k): _jsonable(v) for k, v in value.items()}
    return [_jsonable(v) for v in value] if isinstance(value, list | tuple) else value


def to_json(value: Any, indent: int | None = None) -> str:
    """Return a value as strict JSON."""
    return json.dumps(_jsonable(value), indent=indent, allow_nan=False)


def read_text(path: Path, advice: str) -> str:
    """Return the contents of a text file.

    Raises
    ------
    FileError
        When the file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError, MemoryError) as error:
        raise unreadable(path, error, advice) from error


def read_json(path: Path, advice: str) -> Json:
    """Return the JSON object in a file.

    Raises
    ------
    FileError
        When the file cannot be read, or contains something else.
    """
    return _object(read_text(path, advice), path, advice)


def read_json_lines(path: Path, advice: str) -> list[Json]:
    """Return the JSON objects in the lines of a file.

    Raises
    ------
    FileError
        When the file cannot be read, or a line contains something else; the message
        names the line.
    """
    # Not splitlines, which also splits at characters that JSON strings may contain.
    lines = read_text(path, advice).split("\n")
    if lines[-1] == "":
        lines.pop()
    return [
        _object(line, f"{path}, line {number},", advice)
        for number, line in enumerate(lines, start=1)
    ]


def _object(text: str, where: Path | str, advice: str) -> Json:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise unreadable(where, error, advice) from error
    if not isinstance(value, dict):
        raise FileError(f"{where} holds no JSON object; {advice}")
    return value


def read_yaml(path: Path, advice: str) -> Any:
    """Return the contents of a YAML file, which may be of any type.

    Raises
    ------
    FileError
        When the file cannot be read.
    """
    text = read_text(path, advice)
    try:
        return parse_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise unreadable(path, error, advice) from error


def parse_yaml(text: str) -> Any:
    """Parse YAML with libyaml where PyYAML has it, which is ten times as fast.

    Raises
    ------
    yaml.YAMLError, RecursionError
        When the text is no YAML, or too deep.
    ValueError
        When an alias makes a value a part of itself.
    """
    try:
        found = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        # The messages of the slow parser are the same on every machine.
        found = yaml.safe_load(text)
    json.dumps(found, skipkeys=True, default=str)
    return found


def unreadable(where: Path | str, error: Exception, advice: str) -> FileError:
    """Return the error for a file that cannot be read."""
    return FileError(f"{where} cannot be read: {_reason(error)}; {advice}")


def _reason(error: Exception) -> str:
    """Return the reason of an error as a part of a sentence."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return summary_of(error)


def require_types(
    found: Json, where: Path | str, kinds: Mapping[str, Any], advice: str
) -> None:
    """Check that an object has all keys, with values of the right types.

    Parameters
    ----------
    found
        The object.
    where
        Its origin, for the message.
    kinds
        Type of each key, or several joined by ``|``; no type accepts a boolean.
    advice
        The remedy to name in the message.

    Raises
    ------
    FileError
        When a key is missing or wrong; the message names the first such key.
    """
    for key, kind in kinds.items():
        value = found.get(key)
        if not isinstance(value, kind) or (value is True or value is False):
            text = repr(value) if key in found else "missing"
            text = text if len(text) <= 40 else text[:40] + "..."
            name = str(getattr(kind, "__name__", kind))
            raise FileError(f"{where}: {key} is {text}: must be {name}; {advice}")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, whose folder is created; print a message when waiting.

    Raises
    ------
    FileError
        When the file cannot be created.
    """
    lock = FileLock(path)
    with writing(path.parent, "choose a folder in which you may write"):
        try:
            _acquire(lock, path.parent, PATIENCE)
        except Timeout:
            tell(f"another process works in {path.parent}: waiting for it to end")
            _acquire(lock, path.parent)
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: BaseFileLock, folder: Path, timeout: float = -1) -> None:
    """Acquire a lock in a folder that its previous holder may have removed."""
    for _ in range(ATTEMPTS):
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            lock.acquire(timeout=timeout)
            return
    lock.acquire(timeout=timeout)


def is_held(path: Path) -> bool:
    """Return whether a process holds a lock file; a file that is absent is not held.

    Nothing is written. A process that asks for the lock at the same moment asks again
    after a twentieth of a second. Windows has no module fcntl, so no file counts as
    held there: ``fedrobust watch`` shows runs that are at work as stopped.
    """
    try:
        # Imported late, as all of fedrobust imports this module.
        import fcntl
    except ImportError:
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # Shared, because an exclusive lock may need a file that can be written.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        # Where the system has no such locks, the file exists only while it is held.
        return error.errno in (errno.EAGAIN, errno.EACCES, errno.ENOSYS)
    finally:
        os.close(descriptor)
    return False
