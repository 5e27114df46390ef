"""Standard output and error that survive a closed pipe.

``fedrobust run ... | head`` trains to the end, because the results are in the run's
folder and the lost lines have no reader.
"""

import io
import os
import sys
from typing import Any


class _Outlet(io.FileIO):
    """A file descriptor that is redirected to the null device once writing fails."""

    def __init__(self, descriptor: int, name: str, is_needed: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._stream_name = name
        self._is_needed = is_needed

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            null_device = os.open(os.devnull, os.O_WRONLY)
            # Redirect the descriptor, as TensorFlow and child processes use it too.
            os.dup2(null_device, self.fileno())
            os.close(null_device)
            if self._is_needed and not isinstance(error, BrokenPipeError):
                raise OSError(error.errno, error.strerror, self._stream_name) from None
            return memoryview(data).nbytes


def outlive_readers() -> None:
    """Keep this process alive when a pipe closes or a character cannot be encoded.

    A full disk raises one OSError if standard output is written to it. If standard
    error is, the error is ignored, as there is no other place to report it.
    """
    sys.stdout = _outliving(sys.stdout, "standard output", is_needed=True)
    sys.stderr = _outliving(sys.stderr, "standard error", is_needed=False)


def _outliving(stream: Any, name: str, is_needed: bool) -> Any:
    """Return a stream to the same descriptor; the same stream if it has none."""
    buffer = getattr(stream, "buffer", None)
    # Leave replacements by a test or a notebook alone, and streams made here before.
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
