"""Keys and values that MLflow accepts.

MLflow 3.17 allows 250 characters in a key, of a few kinds, and 6,000 in a parameter. It
uses keys as paths, and refuses those that a file system would resolve to another path.
"""

import hashlib
import re
from typing import Any

LONGEST_KEY, LONGEST_VALUE = 250, 6000


def legal_key(key: str) -> str:
    """Return a key that MLflow accepts; most keys are returned as they are.

    Other characters are written as their code, and so are dots that would be a path. A
    key that is too long is cut, and ends with a digest of the whole.

    >>> legal_key("robust_accuracy/a|b/0.1")
    'robust_accuracy/a-7c-b/0.1'
    """
    legal = "/".join(map(_legal_part, key.split("/")))
    if len(legal) <= LONGEST_KEY:
        return legal
    digest = hashlib.sha256(key.encode(errors="backslashreplace")).hexdigest()[:16]
    return f"{legal[: LONGEST_KEY - len(digest) - 1].rstrip('/.')}-{digest}"


def legal_value(value: Any) -> str:
    """Return the text of a value, cut to the length that MLflow accepts."""
    text = str(value).encode(errors="backslashreplace").decode()
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."


def _legal_part(part: str) -> str:
    """Return a part between slashes, which must not be empty or consist of dots."""
    pattern = r"[^\w\-. ]" if part.strip(".") else r"."
    return re.sub(pattern, _code, part, flags=re.DOTALL) or "-"


def _code(character: re.Match[str]) -> str:
    return f"-{ord(character[0]):x}-"
