"""The end of a command on Ctrl-C (SIGINT) and SIGTERM: soon, and with a message.

Python raises an exception in the main thread. The exception is late if that thread is
inside TensorFlow or waits for other threads, so a second thread ends the process after
a grace period. This leaves no file half written, because files are replaced atomically.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

# Seconds in which a command can end by itself; a second signal ends it immediately.
GRACE = 5.0
# Seconds to wait for a reader to take the last message.
PATIENCE = 1.0
NAMES = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class Terminated(KeyboardInterrupt):
    """Raised on SIGTERM, and handled like Ctrl-C."""


class Signals:
    """The signal handling of a process whose main thread runs one command.

    Parameters
    ----------
    advice
        What to do next, appended to the message.
    """

    def __init__(self, advice: str) -> None:
        self._advice = advice
        self._unsaid = threading.Lock()
        self._watching = False

    def watch(self) -> None:
        """Install the handlers, which only the main thread may do."""
        self._watching = True
        before = {number: signal.getsignal(number) for number in NAMES}
        for number, handler in before.items():
            # An ignored signal stays ignored: background jobs of a shell ignore Ctrl-C.
            if handler is not signal.SIG_IGN:
                signal.signal(number, _raise_once)
        # Otherwise a signal to a forked child would write to its parent's pipe.
        os.register_at_fork(after_in_child=lambda: self._leave(before))
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._end_late, args=(reader,), daemon=True).start()

    def _leave(self, before: dict[signal.Signals, Any]) -> None:
        """Restore the previous handlers."""
        self._watching = False
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            if signal.getsignal(number) in (_raise_once, _ignore):
                signal.signal(number, handler)

    def end(self, error: KeyboardInterrupt) -> int:
        """Print what happened, and end the process if ``watch`` was called.

        Returns
        -------
        The exit status, if the process goes on.
        """
        is_term = isinstance(error, Terminated)
        return self._end(signal.SIGTERM if is_term else signal.SIGINT)

    def _end(self, number: int) -> int:
        if not self._watching:
            self._say(number)
            return 128 + number
        # On another thread, because a reader that no longer reads would block it.
        with suppress(RuntimeError):  # the system cannot start another thread
            last = threading.Thread(target=self._say, args=(number,), daemon=True)
            last.start()
            last.join(PATIENCE)
        # A normal exit would wait for all threads, and clean up for seconds.
        os._exit(128 + number)

    def _say(self, number: int) -> None:
        """Print what happened, at most once, ignoring a closed standard error."""
        if self._unsaid.acquire(blocking=False):
            said = f"fedrobust: {NAMES[signal.Signals(number)]}{self._advice}"
            with suppress(OSError, ValueError):
                print(said, file=sys.stderr)
        # A stream is None if its descriptor was closed before Python started.
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with suppress(OSError, ValueError):
                stream.flush()

    def _end_late(self, reader: int) -> None:
        number = 0
        while number not in NAMES:
            number = os.read(reader, 1)[0]
        again = threading.Thread(target=os.read, args=(reader, 1), daemon=True)
        again.start()
        again.join(GRACE)
        self._end(number)


def _raise_once(number: int, frame: FrameType | None) -> None:
    # A second signal must not interrupt the cleanup; the other thread handles it.
    for each in NAMES:
        signal.signal(each, _ignore)
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def _ignore(number: int, frame: FrameType | None) -> None:
    # Unlike SIG_IGN, this still writes to the wakeup pipe.
    pass


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Restore the handlers of both signals on exit; some libraries replace them."""
    before = {number: signal.getsignal(number) for number in NAMES}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)
