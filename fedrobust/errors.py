"""How a mistake is told: one sentence, with the nearest valid choice."""

import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

# The exit status of a mistake in what the user said.
REFUSED = 2


class ConfigError(Exception):
    """A mistake in what the user said; the message is one sentence for the user."""


class FileError(ConfigError):
    """A file that cannot be read or written; the message begins with its path."""


class OtherDataError(ConfigError):
    """What a folder holds was made with other data than there are now."""


class RunFailedError(RuntimeError):
    """A run came to nothing; the message is one sentence for the user."""


@contextmanager
def exits_refused() -> Iterator[None]:
    """Refuse a ``sys.exit`` of a user's code, which would end a sweep and its status.

    Raises
    ------
    ConfigError
        In place of a SystemExit, with the line that raised it.
    """
    try:
        yield
    except SystemExit as stop:
        where = traceback.extract_tb(stop.__traceback__)[-1]
        # Suppressed, as a cause is what would be told in place of this sentence.
        raise ConfigError(
            f"your code called sys.exit({stop.code!r}) in {where.filename}, line "
            f"{where.lineno}: raise an error there instead"
        ) from None


def nearest(word: str, options: Iterable[str]) -> str:
    """Phrase the nearest valid choice, or all of them."""
    options = sorted(options)
    close = get_close_matches(word, options, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"choose from {options}"


def reason_of(error: BaseException) -> str:
    """Return the first line of an error's message, or its type where it has none."""
    lines = [line for line in map(str.strip, str(error).splitlines()) if line]
    reason = lines[0] if lines else type(error).__name__
    # OmegaConf's own words around what a resolver raised.
    match = re.fullmatch(r"\w+ (?:raised )?while resolving \w+: (.*)", reason)
    return match.group(1).strip("\"'") if match else reason


# More of a message than this is a dump of values.
LONGEST = 600


def summary_of(error: BaseException) -> str:
    """Return the whole message of an error on one line, without colours and tensors.

    Of a long one the beginning and the end are kept, as Keras names the cause last.
    """
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)) or type(error).__name__
    text = text.partition("Arguments received by")[0]
    text = re.sub(r"\[\[.*\]\]", "[[...]]", text, flags=re.DOTALL)
    text = " ".join(text.split())
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} ... {text[-half:]}"


def tell(message: str) -> None:
    """Print one line for the user; what would move the cursor is written out."""
    line = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in message
    )
    print(f"fedrobust: {line}", file=sys.stderr)
