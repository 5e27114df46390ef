"""Errors for the user: one sentence, with the nearest valid choice."""

import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

# The exit status for a mistake of the user.
REFUSED = 2


class ConfigError(Exception):
    """A mistake in the user's configuration; the message is one sentence."""


class FileError(ConfigError):
    """A file that cannot be read or written; the message starts with its path."""


class OtherDataError(ConfigError):
    """The results in a folder come from data that differ from the current data."""


class RunFailedError(RuntimeError):
    """A run failed; the message is one sentence for the user."""


@contextmanager
def exits_refused() -> Iterator[None]:
    """Turn ``sys.exit`` in a user's code into an error; it would end a whole sweep.

    Raises
    ------
    ConfigError
        Instead of a SystemExit, with the line that raised it.
    """
    try:
        yield
    except SystemExit as stop:
        where = traceback.extract_tb(stop.__traceback__)[-1]
        # Without a cause, because the cause would be reported instead of this sentence.
        raise ConfigError(
            f"your code called sys.exit({stop.code!r}) in {where.filename}, line "
            f"{where.lineno}: raise an error there instead"
        ) from None


def nearest(word: str, options: Iterable[str]) -> str:
    """Return a phrase with the nearest valid choice, or with all choices."""
    options = sorted(options)
    close = get_close_matches(word, options, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"choose from {options}"


def reason_of(error: BaseException) -> str:
    """Return the first line of an error's message, or its type if it has none."""
    lines = [line for line in map(str.strip, str(error).splitlines()) if line]
    reason = lines[0] if lines else type(error).__name__
    # OmegaConf wraps the message of an error that a resolver raised.
    match = re.fullmatch(r"\w+ (?:raised )?while resolving \w+: (.*)", reason)
    return match.group(1).strip("\"'") if match else reason


# Longer messages contain dumps of values.
LONGEST = 600


def summary_of(error: BaseException) -> str:
    """Return an error's message on one line, without colours and tensors.

    Long messages are cut in the middle, because Keras names the cause at the end.
    """
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)) or type(error).__name__
    text = text.partition("Arguments received by")[0]
    text = re.sub(r"\[\[.*\]\]", "[[...]]", text, flags=re.DOTALL)
    text = " ".join(text.split())
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} ... {text[-half:]}"


def tell(message: str) -> None:
    """Print one line to standard error, with control characters escaped."""
    line = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in message
    )
    print(f"fedrobust: {line}", file=sys.stderr)
