"""The page of a reproduction: paper, ours and verdict a cell."""

from collections import Counter
from pathlib import Path
from statistics import fmean, median, stdev

from fedrobust.record import write_atomically
from fedrobust.report.tables import markdown_table
from fedrobust.reproduce.definition import Reproduction
from fedrobust.reproduce.figure import draw
from fedrobust.reproduce.results import Results, Row
from fedrobust.reproduce.settings import settings
from fedrobust.reproduce.tally import (
    DOUBT,
    PAIRS,
    VERDICTS,
    claim_counts,
    counts,
    pairs_of,
)
from fedrobust.reproduce.verdicts import (
    Comparison,
    PublishedNumbers,
    allowed,
    read_published,
    verdict,
)

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
        *(_table(reproduction, results, published, m) for m in reproduction.measures),
    ]
    if shown := draw(reproduction, results, published):
        parts.append(f"![{shown}](figure.png)")
    if reproduction.orderings:
        parts.append(_orderings(reproduction, results, published))
    notes = reproduction.folder / "notes.md"
    if notes.is_file():
        parts.append(notes.read_text(encoding="utf-8").strip())
    parts.append(settings(reproduction))
    path = reproduction.folder / "README.md"
    write_atomically(path, "\n\n".join(parts) + "\n")
    return path


def _status(
    reproduction: Reproduction,
    results: Results,
    published: PublishedNumbers,
) -> str:
    found = counts(reproduction, results)
    told = ", ".join(f"{found[v]} {v}" for v in VERDICTS if found[v])
    measure = next(iter(reproduction.measures))
    planned = {(job.cell, job.seed) for job in reproduction.jobs}
    left = len(planned - set(results.rows))
    text = f"**{len(reproduction.cells)} cells, by {measure}: {told}.** "
    if reproduction.orderings:
        text += f"Pairs of cells that claims order: {_claims(reproduction, results)}. "
    unplanned = {cell for cell, _ in published} - set(reproduction.cells)
    if unplanned:
        text += f"{len(unplanned)} more published cells are not planned. "
    text += f"{len(planned) - left} of {len(planned)} planned runs are done"
    if left:
        hours = left * _minutes(reproduction, results) / 60
        text += f"; the others would take about {hours:.0f} hours, one by one"
    rule = RULE_TEXTS[reproduction.verdict]
    return f"{text}. Verdict, by a rule fixed beforehand: {rule}."


def _minutes(reproduction: Reproduction, results: Results) -> float:
    """Estimate what a run takes, by those of the machine that is told in full."""
    rows = _fully_told(results) or [*results.rows.values()]
    minutes = [float(row["minutes"]) for row in rows]
    return median(minutes) if minutes else reproduction.minutes


def _fully_told(results: Results) -> list[Row]:
    """Give the rows that say what their bits depend on; older ones do not."""
    return [row for row in results.rows.values() if row["evaluation_digest"]]


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
    if results.rows:
        row = (_fully_told(results) or [*results.rows.values()])[-1]
        said = " ".join(f"{column}={row[column]}" for column in reproduction.columns)
        lines.append(
            f"# a cell again: to the bit, on {row['processor']}?\n"
            f"fedrobust reproduce {name} --cells {said} --seeds {row['seed']} --check"
        )
    lines.append("```")
    rows = list(results.rows.values())
    if rows:
        where = ", ".join(
            f"{count} on {processor}{f', {cores} cores' if cores else ''}"
            for (processor, cores), count in sorted(
                Counter((row["processor"], row["cores"]) for row in rows).items()
            )
        )
        versions = ", ".join(sorted({row["tensorflow"] for row in rows}))
        of = " of those that tell their machine in full" if _fully_told(results) else ""
        lines.append(
            f"\nRuns: {where}; TensorFlow {versions}; "
            f"{_minutes(reproduction, results):.1f} minutes a run (median{of}), pauses "
            "and other work included."
        )
    return "\n".join(lines)


def _table(
    reproduction: Reproduction,
    results: Results,
    published: PublishedNumbers,
    measure: str,
) -> str:
    numbers = results.numbers(measure)
    scale = reproduction.measures[measure].scale
    limits = {
        cell: allowed(reproduction.rule(cell), published.get((cell, measure)), ours)
        for cell, ours in numbers.items()
    }
    judged = any(limit is not None for limit in limits.values())
    tolerance = ["allowed"] if judged else []
    names = [*reproduction.columns, "paper", "ours", *tolerance, "seeds", "verdict"]
    rows = []
    for cell in reproduction.cells:
        ours = numbers.get(cell, [])
        paper = published.get((cell, measure))
        if not ours and paper is None and measure != next(iter(reproduction.measures)):
            continue  # it has no such number, or stands as not run in the first table
        seeds = reproduction.seeds(cell)
        word = verdict(reproduction.rule(cell), paper, ours)
        told = [f"seed {s}: {results.trouble(cell, s)}" for s in seeds
                if results.trouble(cell, s)]  # fmt: skip
        if ours and paper is not None and reproduction.why_unlike(cell):
            told.insert(0, reproduction.why_unlike(cell))
        if not ours:
            minutes = _minutes(reproduction, results)
            told.append(f"about {minutes * len(seeds):.0f} minutes")
        if told:
            word = f"{word} ({'; '.join(told)})"
        rows.append(
            [
                *cell,
                "–" if paper is None else _number(paper.value, paper.sd, scale),
                _number(fmean(ours), stdev(ours) if len(ours) > 1 else None, scale)
                if ours
                else "–",
                *([_tolerance(limits.get(cell), scale)] if judged else []),
                f"{len(ours)} of {len(seeds)}",
                word,
            ]
        )
    left = [*reproduction.columns, "verdict"]
    return f"## {measure}\n\n" + markdown_table(names, rows, left=left)


def _number(mean: float, sd: float | None, scale: float) -> str:
    digits = _digits(scale)
    text = f"{mean:.{digits}f}"
    return text if sd is None else f"{text} ± {sd:.{digits}f}"


def _tolerance(limit: float | None, scale: float) -> str:
    return "–" if limit is None else f"± {limit:.{_digits(scale)}f}"


def _digits(scale: float) -> int:
    return 2 if scale > 1 else 3


def _orderings(
    reproduction: Reproduction,
    results: Results,
    published: PublishedNumbers,
) -> str:
    rows = []
    for ordering in reproduction.orderings:
        measure = ordering.measure or next(iter(reproduction.measures))
        scale = reproduction.measures[measure].scale
        rows += [
            [
                ordering.claim,
                ordering.source,
                "/".join(pair.higher),
                "/".join(pair.lower),
                _of_paper(published, pair, measure, scale),
                _difference(pair, scale),
                pair.verdict,
            ]
            for pair in pairs_of(reproduction, results, ordering)
        ]
    left = ["claim", "source", "higher", "lower", "verdict"]
    names = [*left[:-1], "paper", "difference", "verdict"]
    table = markdown_table(names, rows, left=left)
    told = (
        "Differences are means over the seeds that both cells have, ± half of their "
        "95 % interval (Student's t): within it lies what chance explains. Beside them "
        "the difference of the paper's own numbers, which may be against its claim."
    )
    return f"## Orderings that the paper claims\n\n{told}\n\n{table}"


def _of_paper(
    published: PublishedNumbers,
    pair: Comparison,
    measure: str,
    scale: float,
) -> str:
    high, low = (published.get((c, measure)) for c in (pair.higher, pair.lower))
    if high is None or low is None:
        return "–"
    return f"{high.value - low.value:+.{_digits(scale)}f}"


def _difference(pair: Comparison, scale: float) -> str:
    if pair.difference is None:
        return "–"
    digits = _digits(scale)
    margin = "" if pair.margin is None else f" ± {pair.margin:.{digits}f}"
    return f"{pair.difference:+.{digits}f}{margin}"
