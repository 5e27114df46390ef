"""How a command ends on Ctrl-C (SIGINT) and on SIGTERM: soon, and with a word.

Python raises an exception in the main thread. That comes late where the thread is
inside TensorFlow or waits for other threads: after a grace period a second thread ends
the process. No file is torn by that, as files are replaced as a whole.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

# Seconds that a command has to end by itself; a second signal ends it at once.
GRACE = 5.0
# Seconds that a reader has to take the last words.
PATIENCE = 1.0
NAMES = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends whatever Ctrl-C ends."""


class Signals:
    """The signals of a process whose main thread runs one command.

    Parameters
    ----------
    advice
        How to go on, printed behind what happened.
    """

    def __init__(self, advice: str) -> None:
        self._advice = advice
        self._unsaid = threading.Lock()
        self._watching = False

    def watch(self) -> None:
        """Install the handlers; only the main thread can."""
        self._watching = True
        before = {number: signal.getsignal(number) for number in NAMES}
        for number, handler in before.items():
            # A shell's background jobs ignore Ctrl-C.
            if handler is not signal.SIG_IGN:
                signal.signal(number, _raise_once)
        # A forked child would write into the pipe of its parent, and so end it.
        os.register_at_fork(after_in_child=lambda: self._leave(before))
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._end_late, args=(reader,), daemon=True).start()

    def _leave(self, before: dict[signal.Signals, Any]) -> None:
        """Let a process's signals do what they did before."""
        self._watching = False
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            if signal.getsignal(number) in (_raise_once, _ignore):
                signal.signal(number, handler)

    def end(self, error: KeyboardInterrupt) -> int:
        """Print what happened, and end the process if its signals are watched.

        Returns
        -------
        The exit status, else.
        """
        is_term = isinstance(error, Terminated)
        return self._end(signal.SIGTERM if is_term else signal.SIGINT)

    def _end(self, number: int) -> int:
        if not self._watching:
            self._say(number)
            return 128 + number
        # Not in this thread, which would wait for a reader that reads no more.
        with suppress(RuntimeError):  # of a system that has no more threads
            last = threading.Thread(target=self._say, args=(number,), daemon=True)
            last.start()
            last.join(PATIENCE)
        # Python would wait for all threads, and then tidy up for seconds.
        os._exit(128 + number)

    def _say(self, number: int) -> None:
        """Print what happened, once, where there is anybody to read it."""
        if self._unsaid.acquire(blocking=False):
            said = f"fedrobust: {NAMES[signal.Signals(number)]}{self._advice}"
            with suppress(OSError, ValueError):
                print(said, file=sys.stderr)
        # Python has None where a descriptor was closed before it began.
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
    # A second signal must not disturb the way out: it is the other thread's alone.
    for each in NAMES:
        signal.signal(each, _ignore)
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def _ignore(number: int, frame: FrameType | None) -> None:
    # Unlike SIG_IGN, which the wakeup pipe would not hear of.
    pass


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Put back the handlers of both signals, which some libraries replace."""
    before = {number: signal.getsignal(number) for number in NAMES}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)
