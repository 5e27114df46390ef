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
from contextlib import contextmanager
from types import FrameType

# Seconds that a command has to end by itself; a second signal ends it at once.
GRACE = 5.0
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
        for number in NAMES:
            # A shell's background jobs ignore Ctrl-C.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _raise_once)
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._end_late, args=(reader,), daemon=True).start()

    def end(self, error: KeyboardInterrupt) -> int:
        """Print what happened, and end the process if its signals are watched.

        Returns
        -------
        The exit status, else.
        """
        is_term = isinstance(error, Terminated)
        return self._end(signal.SIGTERM if is_term else signal.SIGINT)

    def _end(self, number: int) -> int:
        if self._unsaid.acquire(blocking=False):
            said = f"fedrobust: {NAMES[signal.Signals(number)]}{self._advice}"
            print(said, file=sys.stderr)
        if self._watching:
            sys.stdout.flush()
            sys.stderr.flush()
            # Python would wait for all threads, and then tidy up for seconds.
            os._exit(128 + number)
        return 128 + number

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
        signal.signal(each, lambda *_: None)
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


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
