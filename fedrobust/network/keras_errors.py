"""The cause within what Keras raises, in one readable sentence.

Keras wraps an error for each model and layer it came through, dumps configurations and
arguments around it, and puts the cause last.
"""

import re

# Behind the last of these stands the cause, before one of those a dump.
WRAPPED = re.compile(
    r"(?:Exception|Error) encountered(?: when calling \S+\(\)\.|:)", re.MULTILINE
)
DUMPED = re.compile(r"Full object config:|Arguments received by")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LONGEST = 300


def cause_of(error: Exception) -> str:
    """Return what an error is about, and what to do where that is known."""
    *wrapped, last = WRAPPED.split(COLOURS.sub("", str(error)))
    cause, *dumps = DUMPED.split(last, maxsplit=1)
    missing = re.search(r"Could not locate (class|function) '(\w+)'", cause)
    if missing:
        kind, name = missing.groups()
        config = rf"'module': '([\w.]+)', 'class_name': '{name}'"
        found = re.search(config, "".join(dumps))
        module = found[1] if found else "MODULE"
        return (
            f"it holds the {kind} {name!r} of somebody's own: import the module that "
            f"defines it, --import {module}"
        )
    if "Python lambda" in cause:
        return (
            "it holds a Python lambda, which is code that would be run: add --trust if "
            "you trust whoever made the file"
        )
    text = " ".join(cause.split())
    if len(text) <= LONGEST:
        return text
    return f"... {text[-LONGEST:]}" if wrapped else f"{text[:LONGEST]} ..."
