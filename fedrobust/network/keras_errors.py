"""The cause of an error that Keras raises, in one readable sentence.

Keras wraps an error once for each model and layer it passes, adds dumps of
configurations and arguments, and puts the cause last.
"""

import re

# The cause follows the last match of WRAPPED, and a dump follows a match of DUMPED.
WRAPPED = re.compile(
    r"(?:Exception|Error) encountered(?: when calling \S+\(\)\.|:)", re.MULTILINE
)
DUMPED = re.compile(r"Full object config:|Arguments received by")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LONGEST = 300


def cause_of(error: Exception) -> str:
    """Return the cause of an error, and a remedy if one is known."""
    *wrapped, last = WRAPPED.split(COLOURS.sub("", str(error)))
    cause, *dumps = DUMPED.split(last, maxsplit=1)
    missing = re.search(r"Could not locate (class|function) '(\w+)'", cause)
    if missing:
        kind, name = missing.groups()
        config = rf"'module': '([\w.]+)', 'class_name': '{name}'"
        defined = re.search(config, "".join(dumps))
        module = defined[1] if defined else "MODULE"
        return (
            f"it uses the custom {kind} {name!r}: import the module that defines it, "
            f"--import {module}"
        )
    if "Python lambda" in cause:
        return (
            "it contains a Python lambda, which is code that loading would run: add "
            "--trust if you trust the author of the file"
        )
    text = " ".join(cause.split())
    if len(text) <= LONGEST:
        return text
    return f"... {text[-LONGEST:]}" if wrapped else f"{text[:LONGEST]} ..."
