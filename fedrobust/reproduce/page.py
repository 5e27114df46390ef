"""The page of a reproduction: paper, ours and verdict a cell; and the index of all."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median, stdev

from fedrobust.compose import config_dir
from fedrobust.record import write_atomically
from fedrobust.report.tables import markdown_table
from fedrobust.reproduce.definition import (
    Cell,
    Ordering,
    Reproduction,
    load_reproduction,
    reproduction_names,
)
from fedrobust.reproduce.figure import draw_comparison
from fedrobust.reproduce.results import Results
from fedrobust.reproduce.verdicts import (
    Comparison,
    Published,
    allowed,
    compare,
    read_published,
    verdict,
)

INDEX_START = "<!-- written by fedrobust reproduce -->"
INDEX_END = "<!-- end -->"
VERDICTS = ("inside", "outside", "compared", "ours alone", "not run")
DOUBT = "with fewer than three seeds or within chance"
# Of pairs of cells: what our numbers say and whether that is in doubt.
PAIRS = {
    ("holds", False): "pairs that hold",
    ("holds", True): "hold in doubt",
    ("does not hold", False): "do not hold",
    ("does not hold", True): "do not, in doubt",
    ("not run", False): "pairs not run",
}
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
    if draw_comparison(reproduction, results, published):
        parts.append("![ours against the paper's](figure.png)")
    if reproduction.orderings:
        parts.append(_orderings(reproduction, results))
    notes = reproduction.folder / "notes.md"
    if notes.is_file():
        parts.append(notes.read_text(encoding="utf-8").strip())
    parts.append(_settings(reproduction))
    path = reproduction.folder / "README.md"
    write_atomically(path, "\n\n".join(parts) + "\n")
    return path


def counts(reproduction: Reproduction, results: Results) -> Counter[str]:
    """Count the planned cells by verdict, of the first measure."""
    published = read_published(reproduction)
    measure = next(iter(reproduction.measures))
    numbers = results.numbers(measure)
    return Counter(
        verdict(
            reproduction.verdict,
            published.get((cell, measure)),
            numbers.get(cell, []),
        )
        for cell in reproduction.cells
    )


def _status(
    reproduction: Reproduction,
    results: Results,
    published: dict[tuple[Cell, str], Published],
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
        minutes = _minutes(results) or reproduction.minutes
        hours = left * minutes / 60
        text += f"; the others would take about {hours:.1f} hours, one by one"
    rule = RULE_TEXTS[reproduction.verdict]
    return f"{text}. Verdict, by a rule fixed beforehand: {rule}."


def _minutes(results: Results) -> float | None:
    """Give the median of what the runs took; None before the first."""
    minutes = [float(row["minutes"]) for row in results.rows.values()]
    return median(minutes) if minutes else None


def claim_counts(
    reproduction: Reproduction, results: Results
) -> Counter[tuple[str, bool]]:
    """Count the pairs of the claimed orderings, as ``PAIRS`` tells them apart."""
    return Counter(
        (pair.word, bool(pair.doubt))
        for ordering in reproduction.orderings
        for pair in _pairs(reproduction, results, ordering)
    )


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
        cell, seed = next(iter(results.rows))
        values = reproduction.values(cell).items()
        said = " ".join(f"{column}={value}" for column, value in values)
        lines.append(
            f"fedrobust reproduce {name} --cells {said} --seeds {seed} --check"
            "  # a cell again: to the bit?"
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
        lines.append(
            f"\nRuns: {where}; TensorFlow {versions}; {_minutes(results):.1f} minutes "
            "a run (median), which other work beside it lengthens."
        )
    return "\n".join(lines)


def _table(
    reproduction: Reproduction,
    results: Results,
    published: dict[tuple[Cell, str], Published],
    measure: str,
) -> str:
    numbers = results.numbers(measure)
    scale = reproduction.measures[measure].scale
    limits = {
        cell: allowed(reproduction.verdict, published.get((cell, measure)), ours)
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
        word = verdict(reproduction.verdict, paper, ours)
        doubtful = [s for s in seeds if results.trouble(cell, s)]
        if doubtful:
            told = "; ".join(f"seed {s}: {results.trouble(cell, s)}" for s in doubtful)
            word = f"{word} ({told})"
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


def _orderings(reproduction: Reproduction, results: Results) -> str:
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
                _difference(pair, scale),
                pair.verdict,
            ]
            for pair in _pairs(reproduction, results, ordering)
        ]
    names = ["claim", "source", "higher", "lower", "difference", "verdict"]
    table = markdown_table(names, rows, left=[n for n in names if n != "difference"])
    told = (
        "Differences are means over the seeds that both cells have, ± half of their "
        "95 % interval (Student's t): within it lies what chance explains."
    )
    return f"## Orderings that the paper claims\n\n{told}\n\n{table}"


def _pairs(
    reproduction: Reproduction, results: Results, ordering: Ordering
) -> list[Comparison]:
    measure = ordering.measure or next(iter(reproduction.measures))
    return compare(reproduction, ordering, results.by_seed(measure))


def _difference(pair: Comparison, scale: float) -> str:
    if pair.difference is None:
        return "–"
    digits = _digits(scale)
    margin = "" if pair.margin is None else f" ± {pair.margin:.{digits}f}"
    return f"{pair.difference:+.{digits}f}{margin}"


def _settings(reproduction: Reproduction) -> str:
    name = reproduction.name
    text = (config_dir() / "experiment" / f"{name}.yaml").read_text(encoding="utf-8")
    rows = [
        [column, value, " ".join(f"`{o}`" for o in overrides)]
        for column, choices in reproduction.columns.items()
        for value, overrides in choices.items()
    ]
    names = ["column", "value", "overrides"]
    table = markdown_table(names, rows, left=names)
    return (
        f"## Settings\n\nWhat all runs share, `conf/experiment/{name}.yaml`:\n\n"
        f"```yaml\n{text.strip()}\n```\n\n{table}"
    )


def write_index(experiments: Path) -> Path:
    """Write the table of all reproductions into experiments/README.md."""
    names = ["reproduction", "cells", "run", *VERDICTS, *PAIRS.values()]
    rows = [_index_row(load_reproduction(n, experiments)) for n in
            reproduction_names(experiments)]  # fmt: skip
    path = experiments / "README.md"
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(INDEX_START)
    _, _, after = rest.partition(INDEX_END)
    table = markdown_table(names, rows, left=["reproduction"])
    text = f"{table}\n\nIn doubt: {DOUBT}."
    write_atomically(path, f"{before}{INDEX_START}\n\n{text}\n\n{INDEX_END}{after}")
    return path


def _index_row(reproduction: Reproduction) -> Sequence[str]:
    results = Results(reproduction)
    found = counts(reproduction, results)
    total = len(reproduction.cells)
    claims = claim_counts(reproduction, results)
    numbers = (total, total - found["not run"], *(found[v] for v in VERDICTS))
    return [
        f"[{reproduction.title}]({reproduction.name}/README.md)",
        *map(str, (*numbers, *(claims[pair] for pair in PAIRS))),
    ]
