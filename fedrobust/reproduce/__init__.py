"""Reproductions: a published table, rerun cell by cell, with a computed verdict."""

from fedrobust.reproduce.definition import Job, Reproduction
from fedrobust.reproduce.loading import load_reproduction
from fedrobust.reproduce.results import Results
from fedrobust.reproduce.verdicts import verdict

__all__ = [
    "Job",
    "Reproduction",
    "Results",
    "load_reproduction",
    "verdict",
]
