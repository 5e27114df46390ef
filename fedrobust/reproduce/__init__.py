"""Reproductions: rerun a published table cell by cell and compute a verdict on each."""

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
