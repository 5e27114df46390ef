"""The index of all reproductions: a table in experiments/README.md."""

from collections.abc import Sequence
from pathlib import Path

from fedrobust.errors import ConfigError
from fedrobust.files import read_text, write_atomically, writing
from fedrobust.report.markup import markdown_table
from fedrobust.reproduce.definition import Reproduction
from fedrobust.reproduce.loading import load_reproduction, reproduction_names
from fedrobust.reproduce.published import read_published
from fedrobust.reproduce.results import Results
from fedrobust.reproduce.tally import DOUBT, PAIRS, VERDICTS, claim_counts, counts

START = "<!-- written by fedrobust reproduce -->"
END = "<!-- end -->"


def write_index(experiments: Path) -> Path:
    """Write the table of all reproductions into experiments/README.md."""
    path, text = index_of(experiments)
    with writing(path, "correct this, and write the page again with --page"):
        write_atomically(path, text)
    return path


def index_of(experiments: Path) -> tuple[Path, str]:
    """Return the path of experiments/README.md, and its text with the present table.

    Raises
    ------
    ConfigError
        When the page has no place for the table, or the files of a reproduction are
        damaged.
    """
    names = ["reproduction", "cells", "run", "all seeds", *VERDICTS, *PAIRS.values()]
    rows = [_index_row(load_reproduction(n, experiments)) for n in
            reproduction_names(experiments)]  # fmt: skip
    path = experiments / "README.md"
    text = read_text(path, "restore it")
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ConfigError(
            f"{path} has no lines {START} and {END}, between which the table of all "
            "reproductions is written: restore them"
        )
    table = markdown_table(names, rows, left=["reproduction"])
    text = f"{table}\n\nIn doubt: {DOUBT}."
    return path, f"{before}{START}\n\n{text}\n\n{END}{after}"


def _index_row(reproduction: Reproduction) -> Sequence[str]:
    results = Results(reproduction)
    by_verdict = counts(reproduction, results, read_published(reproduction))
    total = len(reproduction.cells)
    claims = claim_counts(reproduction, results)
    complete = sum(
        all((cell, seed) in results.rows for seed in reproduction.seeds(cell))
        for cell in reproduction.cells
    )
    numbers = [total, total - by_verdict["not run"], complete]
    numbers += [by_verdict[word] for word in VERDICTS]
    numbers += [claims[pair] for pair in PAIRS]
    link = f"[{reproduction.title}]({reproduction.name}/README.md)"
    return [link, *map(str, numbers)]
