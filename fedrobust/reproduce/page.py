"""The page of a reproduction: the paper's number, ours and a verdict for each cell."""

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
    "seeds": "a cell is inside if |ours - paper| <= allowed = max(1.5, 2.5 sd "
    "sqrt(1/n_paper + 1/n_ours)), where both numbers are means over seeds and sd is "
    "the paper's; a large allowance makes inside a weak statement",
    "single": "a cell is inside if the paper's single run lies within our mean ± "
    "allowed = max(0.05, 2 sd) over at least 3 seeds; with fewer seeds it is only "
    "compared",
    "printed": "a cell is inside if our mean rounds to the paper's number, which has "
    "two decimals",
    "compared": "the paper gives no spread or not all of its settings, so no cell is "
    "called inside",
}

# How the page introduces the number of pairs with an outcome.
OUTCOMES = {
    "holds": "hold for",
    "does not hold": "do not hold for",
    "compared": "are compared but not judged for",
    "not run": "are untested for",
}


def write_page(reproduction: Reproduction, results: Results) -> Path:
    """Write README.md and the figure of a reproduction; return the page's path."""
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
    by_verdict = counts(reproduction, results, published)
    cells = ", ".join(f"{by_verdict[v]} {v}" for v in VERDICTS if by_verdict[v])
    measure = next(iter(reproduction.measures))
    planned = {(job.cell, job.seed) for job in reproduction.jobs}
    left = planned - set(results.rows)
    text = f"**{len(reproduction.cells)} cells, by {measure}: {cells}.** "
    if reproduction.orderings:
        text += f"The paper's claims {_claims(reproduction, results)}. "
    unplanned = {cell for cell, _ in published} - set(reproduction.cells)
    if unplanned:
        text += f"{len(unplanned)} more published cells are not planned. "
    text += f"{len(planned) - len(left)} of {len(planned)} planned runs are done"
    if left:
        minutes = sum(minutes_of(cell, reproduction, results) for cell, _ in left)
        text += (
            f"; the others would take about {minutes / 60:.0f} hours one after another"
        )
    rules = [RULE_TEXTS[reproduction.verdict]] + [
        f"by {name}, {RULE_TEXTS[measure.verdict]}"
        for name, measure in reproduction.measures.items()
        if measure.verdict and any(of == name for _, of in published)
    ]
    return f"{text}. The rule for verdicts was fixed beforehand: {'; '.join(rules)}."


def _claims(reproduction: Reproduction, results: Results) -> str:
    """Return the numbers of pairs by outcome, with doubtful outcomes apart."""
    pairs = claim_counts(reproduction, results)
    parts = []
    for word in dict.fromkeys(word for word, _ in PAIRS):
        clear, doubtful = pairs[word, False], pairs[word, True]
        noun = "pair" if clear == 1 else "pairs"
        more = f" (and for {doubtful} more, {DOUBT})" if doubtful else ""
        if clear or doubtful:
            parts.append(f"{OUTCOMES[word]} {clear} {noun} of cells{more}")
    return "; ".join(parts)


def _commands(reproduction: Reproduction, results: Results) -> str:
    name = reproduction.name
    lines = [
        "```sh",
        "# run what is still to do, and write this page",
        f"fedrobust reproduce {name}",
    ]
    if row := _exemplary(results):
        cell = " ".join(f"{column}={row[column]}" for column in reproduction.columns)
        lines.append(
            f"# run one cell again; on {row['processor']} it agrees to the bit\n"
            f"{_vector_advice(row)}"
            f"fedrobust reproduce {name} --cells {cell} --seeds {row['seed']} --check"
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
            f"{max(minutes):.1f} minutes a run (median {median(minutes):.1f}), "
            "including pauses and other work on the machine."
        )
    return "\n".join(lines)


def _vector_advice(row: Row) -> str:
    """Return how to compute like a CPU without AVX-512 on one that has it."""
    if "(AVX2)" not in row["processor"]:
        return ""
    return f"# (on a CPU with AVX-512, put {VARIABLE}=AVX2 before the command)\n"


def _cores(cores: str) -> str:
    """Return the number of cores in words; empty if the row has none."""
    return f", {cores} core{'' if cores == '1' else 's'}" if cores else ""


def _exemplary(results: Results) -> Row | None:
    """Choose a row to run again: fully recorded, without doubts, and short."""

    def drawbacks(row: Row) -> tuple[bool, bool, float]:
        is_incomplete = not row["evaluation_digest"]
        return is_incomplete, bool(row["trouble"]), float(row["minutes"])

    return min(results.rows.values(), key=drawbacks, default=None)
