"""Standard output and error of a process whose readers may leave before it ends.

``fedrobust run ... | head`` trains to the end: what a run is for is in its folder, and
nobody lacks the lines that nobody reads.
"""

import io
import os
import sys
from typing import Any


class _Outlet(io.FileIO):
    """A descriptor to write to, which goes to nowhere once it takes nothing more."""

    def __init__(self, descriptor: int, name: str, is_needed: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._told_as = name
        self._is_needed = is_needed

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            # Of the descriptor itself, as TensorFlow and child processes have it too.
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if self._is_needed and not isinstance(error, BrokenPipeError):
                raise OSError(error.errno, error.strerror, self._told_as) from None
            return memoryview(data).nbytes


def outlive_readers() -> None:
    """Let no reader that leaves end this process, nor an unknown character.

    A full disk below standard output still raises an OSError, once; below standard
    error, where it would be told, it does not.
    """
    sys.stdout = _outliving(sys.stdout, "standard output", is_needed=True)
    sys.stderr = _outliving(sys.stderr, "standard error", is_needed=False)


def _outliving(stream: Any, name: str, is_needed: bool) -> Any:
    """Return a stream to the same descriptor; the same stream if it has none."""
    buffer = getattr(stream, "buffer", None)
    # Not what a test or a notebook put in place of them, nor what was made here.
    if type(getattr(buffer, "raw", buffer)) is not io.FileIO:
        return stream
    stream.flush()
    outlet = _Outlet(stream.fileno(), name, is_needed)
    return io.TextIOWrapper(
        outlet if isinstance(buffer, io.FileIO) else io.BufferedWriter(outlet),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
