"""Files that a crash cannot tear, and one sentence about each that cannot be used.

Every JSON, JSON-lines and YAML file of a run is read here, and every ``OSError`` of a
write becomes a :class:`FileError` here.
"""

import errno
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

# Seconds for which another process is waited for without a word.
PATIENCE = 1.0
# How many others in a row may remove the folder of a lock that is waited for.
ATTEMPTS = 100


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that replaces another as a whole once it is written."""
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
    """Replace a file of text as a whole."""
    with replacing(path) as file:
        file.write(text.encode())


def append_line(path: Path, text: str) -> None:
    """Add a line to a file that exists."""
    # Mode "a" would make the file again in a folder that somebody is about to delete.
    with path.open("r+", encoding="utf-8") as file:
        file.seek(0, os.SEEK_END)
        file.write(text + "\n")


def to_disk(path: Path) -> None:
    """Wait until the disk holds a file, so that a power failure does not tear it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def is_partial(path: Path) -> bool:
    """Whether a file is one that was to replace another."""
    return path.name.startswith(".") and ".partial" in path.suffixes


@contextmanager
def writing(path: Path, advice: str) -> Iterator[None]:
    """Turn what the system says about a write into one sentence.

    Parameters
    ----------
    path
        What is written.
    advice
        What to do about it.

    Raises
    ------
    FileError
        In place of an OSError or a MemoryError.
    """
    try:
        yield
    except (OSError, MemoryError) as error:
        raise FileError(
            f"{path} cannot be written: {_reason(error)}; {advice}"
        ) from error


def check_writable(path: Path, chosen_by: str) -> None:
    """Refuse a folder in which, or where, nothing can be made.

    Raises
    ------
    FileError
        With the key or the option by which the user can choose another.
    """
    with writing(path, f"choose another {chosen_by}"):
        ancestor, missing = path.absolute(), []
        while not _is_there(ancestor):
            missing.append(ancestor.name)
            ancestor = ancestor.parent
        # The system checks a name only where the folder above it exists.
        for name in missing:
            _is_there(ancestor / name)
        # Trying tells more than asking: of read-only disks, and of root's rights.
        with tempfile.TemporaryFile(dir=ancestor):
            pass


def _is_there(path: Path) -> bool:
    """Whether a path exists.

    Raises
    ------
    OSError
        When nothing can be made there: the name is too long, or a link leads nowhere.
        ``Path.exists`` is False for some of these.
    """
    try:
        path.stat()
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from error
    except (FileNotFoundError, NotADirectoryError):
        # A link to nothing is in the way of a folder.
        if path.is_symlink():
            raise
        return False
    return True


def _jsonable(value: Any) -> Any:
    """Replace numbers that JSON lacks by null, and NumPy's by Python's."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(k): _jsonable(v) for k, v in value.items()}
    return [_jsonable(v) for v in value] if isinstance(value, list | tuple) else value


def to_json(value: Any, indent: int | None = None) -> str:
    """Write strict JSON."""
    return json.dumps(_jsonable(value), indent=indent, allow_nan=False)


def read_text(path: Path, advice: str) -> str:
    """Read a file of text.

    Raises
    ------
    FileError
        When it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError, MemoryError) as error:
        raise unreadable(path, error, advice) from error


def read_json(path: Path, advice: str) -> Json:
    """Read the JSON object that a file holds.

    Raises
    ------
    FileError
        When the file cannot be read, or holds something else.
    """
    return _object(read_text(path, advice), path, advice)


def read_json_lines(path: Path, advice: str) -> list[Json]:
    """Read a JSON object from each line of a file.

    Raises
    ------
    FileError
        When the file cannot be read, or a line holds something else; with its number.
    """
    # Not splitlines, which also splits at characters that JSON strings may hold.
    lines = read_text(path, advice).split("\n")
    if lines[-1] == "":
        lines.pop()
    return [
        _object(line, f"{path}, line {number},", advice)
        for number, line in enumerate(lines, start=1)
    ]


def _object(text: str, where: Path | str, advice: str) -> Json:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise unreadable(where, error, advice) from error
    if not isinstance(found, dict):
        raise FileError(f"{where} holds no JSON object; {advice}")
    return found


def read_yaml(path: Path, advice: str) -> Any:
    """Read a file of YAML, which may hold anything.

    Raises
    ------
    FileError
        When the file cannot be read.
    """
    try:
        return yaml.safe_load(read_text(path, advice))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise unreadable(path, error, advice) from error


def unreadable(where: Path | str, error: Exception, advice: str) -> FileError:
    """Return the error for a file that cannot be read."""
    return FileError(f"{where} cannot be read: {_reason(error)}; {advice}")


def _reason(error: Exception) -> str:
    """Put an error into a part of a sentence."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return summary_of(error)


def require_types(
    found: Json, where: Path | str, kinds: Mapping[str, Any], advice: str
) -> None:
    """Refuse an object that lacks a key, or has a value of another type there.

    Parameters
    ----------
    found
        What was read.
    where
        From.
    kinds
        Type of each key, or several joined by ``|``; none of them takes a boolean.
    advice
        What to do about it.

    Raises
    ------
    FileError
        With the first key that is wrong.
    """
    for key, kind in kinds.items():
        value = found.get(key)
        if not isinstance(value, kind) or (value is True or value is False):
            said = repr(value) if key in found else "missing"
            said = said if len(said) <= 40 else said[:40] + "..."
            name = str(getattr(kind, "__name__", kind))
            raise FileError(f"{where}: {key} is {said}: must be {name}; {advice}")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file; the folder it is in is made. Whoever has to wait says so.

    Raises
    ------
    FileError
        When the file cannot be made.
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
    """Acquire a lock in a folder that whoever held it before may have removed."""
    for _ in range(ATTEMPTS):
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            lock.acquire(timeout=timeout)
            return
    lock.acquire(timeout=timeout)
