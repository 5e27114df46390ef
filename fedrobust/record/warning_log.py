"""Collecting the warnings of a run, which are part of its record."""

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Self

# The phase whose warnings are not recorded with the training.
ATTACKS = "attacks"


class Warnings(AbstractContextManager["Warnings"]):
    """Collects the warnings for the user, by the phase in which they first occur.

    In its context, warnings are recorded instead of printed.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._caught: list[warnings.WarningMessage] = []
        self._phases: dict[str, set[str]] = {}

    def __enter__(self) -> Self:
        caught = self._stack.enter_context(warnings.catch_warnings(record=True))
        assert caught is not None
        self._caught = caught
        warnings.simplefilter("always")
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def texts(self) -> set[str]:
        """All warnings until now."""
        return {
            str(w.message) for w in self._caught if issubclass(w.category, UserWarning)
        }

    @contextmanager
    def during(self, phase: str) -> Iterator[None]:
        """Assign the warnings that first occur within to a phase."""
        before = self.texts
        yield
        self._phases[phase] = self.texts - before

    def without(self, phase: str) -> set[str]:
        """Return all warnings until now except those that first occurred in a phase."""
        return self.texts - self._phases.get(phase, set())
