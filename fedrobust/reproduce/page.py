"""The page of a reproduction: paper, ours and verdict a cell."""

from collections import Counter
from pathlib import Path
from statistics import median

from fedrobust.files import read_text, write_atomically
from fedrobust.reproduce.costs import minutes_of
from fedrobust.reproduce.definition import Reproduction
from fedrobust.reproduce.figure import draw
from fedrobust.reproduce.published import PublishedNumbers, read_published
from fedrobust.reproduce.results import Results
from fedrobust.reproduce.results_csv import Row
from fedrobust.reproduce.settings import settings
from fedrobust.reproduce.tables import cells_table, orderings_table
from fedrobust.reproduce.tally import DOUBT, PAIRS, VERDICTS, claim_counts, counts
from fedrobust.vectors import VARIABLE

RULE_TEXTS = {
    "seeds": "inside: |ours - paper| <= allowed = max(1.5, 2.5 sd sqrt(1/n_paper + "
    "1/n_ours)), both means over seeds, sd the paper's; where much is allowed, inside "
    "says little",
    "single": "inside: the paper's one run lies within our mean ± allowed = max(0.05, "
    "2 sd) over at least 3 seeds; with fewer it is compared only",
    "compared": "the paper gives no spread or not all of its settings, so nothing is "
    "called inside",
}


def write_page(reproduction: Reproduction, results: Results) -> Path:
    """Write README.md and the figure of a reproduction; give the page's path."""
    published = read_published(reproduction)
    parts = [
        f"# {reproduction.title}",
        reproduction.paper,
        _status(reproduction, results, published),
        _commands(reproduction, results),
        *(
            cells_table(reproduction, results, published, m)
            for m in reproduction.measures
        ),
    ]
    if shown := draw(reproduction, results, published):
        parts.append(f"![{shown}](figure.png)")
    if reproduction.orderings:
        parts.append(orderings_table(reproduction, results, published))
    notes = reproduction.folder / "notes.md"
    if notes.is_file():
        parts.append(read_text(notes, "restore it").strip())
    parts.append(settings(reproduction))
    path = reproduction.folder / "README.md"
    write_atomically(path, "\n\n".join(parts) + "\n")
    return path


def _status(
    reproduction: Reproduction,
    results: Results,
    published: PublishedNumbers,
) -> str:
    found = counts(reproduction, results, published)
    told = ", ".join(f"{found[v]} {v}" for v in VERDICTS if found[v])
    measure = next(iter(reproduction.measures))
    planned = {(job.cell, job.seed) for job in reproduction.jobs}
    left = planned - set(results.rows)
    text = f"**{len(reproduction.cells)} cells, by {measure}: {told}.** "
    if reproduction.orderings:
        text += f"Pairs of cells that claims order: {_claims(reproduction, results)}. "
    unplanned = {cell for cell, _ in published} - set(reproduction.cells)
    if unplanned:
        text += f"{len(unplanned)} more published cells are not planned. "
    text += f"{len(planned) - len(left)} of {len(planned)} planned runs are done"
    if left:
        minutes = sum(minutes_of(cell, reproduction, results) for cell, _ in left)
        text += f"; the others would take about {minutes / 60:.0f} hours, one by one"
    rule = RULE_TEXTS[reproduction.verdict]
    return f"{text}. Verdict, by a rule fixed beforehand: {rule}."


def _claims(reproduction: Reproduction, results: Results) -> str:
    """Say what the pairs show, and apart from that what chance could have made."""
    found = claim_counts(reproduction, results)
    told = []
    for word in dict.fromkeys(word for word, _ in PAIRS):
        clear, doubtful = found[word, False], found[word, True]
        more = f", and for {doubtful} more {DOUBT}" if doubtful else ""
        if clear or doubtful:
            told.append(f"{word} for {clear}{more}")
    return "; ".join(told)


def _commands(reproduction: Reproduction, results: Results) -> str:
    name = reproduction.name
    lines = ["```sh", f"fedrobust reproduce {name}  # runs what is left, and this page"]
    if row := _exemplary(results):
        said = " ".join(f"{column}={row[column]}" for column in reproduction.columns)
        lines.append(
            f"# a cell again, to the bit on {row['processor']}\n{_held(row)}"
            f"fedrobust reproduce {name} --cells {said} --seeds {row['seed']} --check"
        )
    lines.append("```")
    rows = list(results.rows.values())
    if rows:
        where = "; ".join(
            f"{count} on {processor}{_cores(cores)}"
            for (processor, cores), count in sorted(
                Counter((row["processor"], row["cores"]) for row in rows).items()
            )
        )
        versions = ", ".join(sorted({row["tensorflow"] for row in rows}))
        minutes = [float(row["minutes"]) for row in rows]
        lines.append(
            f"\nRuns: {where}; TensorFlow {versions}; {min(minutes):.1f} to "
            f"{max(minutes):.1f} minutes a run, half of them at most "
            f"{median(minutes):.1f}, pauses and other work included."
        )
    return "\n".join(lines)


def _held(row: Row) -> str:
    """Say how a CPU of more vectors computes as the same of fewer."""
    if "(AVX2)" not in row["processor"]:
        return ""
    return f"# (where it has AVX-512, put {VARIABLE}=AVX2 before the command)\n"


def _cores(cores: str) -> str:
    """Say how many cores; nothing where a row does not tell."""
    return f", {cores} core{'' if cores == '1' else 's'}" if cores else ""


def _exemplary(results: Results) -> Row | None:
    """Choose a row to run again: it says what its bits depend on, and is short."""

    def drawbacks(row: Row) -> tuple[bool, bool, float]:
        untold = not row["evaluation_digest"]
        return untold, bool(row["trouble"]), float(row["minutes"])

    return min(results.rows.values(), key=drawbacks, default=None)
