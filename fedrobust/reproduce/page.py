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
    Reproduction,
    load_reproduction,
    reproduction_names,
)
from fedrobust.reproduce.figure import draw_comparison
from fedrobust.reproduce.results import Results
from fedrobust.reproduce.verdicts import (
    Comparison,
    Published,
    compare,
    read_published,
    verdict,
)

INDEX_START = "<!-- written by fedrobust reproduce -->"
INDEX_END = "<!-- end -->"
VERDICTS = ("inside", "outside", "compared", "ours alone", "not run")
RULE_TEXTS = {
    "seeds": "inside: |ours - paper| <= max(1.5, 2.5 sd sqrt(1/n_paper + 1/n_ours)), "
    "both means over seeds, sd the paper's",
    "single": "inside: the paper's one run lies within our mean ± max(0.05, 2 sd) over "
    "at least 3 seeds; with fewer it is compared only",
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
    if {cell for cell, _ in published} & {cell for cell, _ in results.rows}:
        draw_comparison(reproduction, results, published)
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
    planned = {(job.cell, job.seed) for job in reproduction.jobs}
    left = len(planned - set(results.rows))
    text = f"**{len(reproduction.cells)} cells: {told}.** "
    text += f"{len(planned) - left} of {len(planned)} planned runs are done"
    if left:
        hours = left * reproduction.minutes / 60
        text += f"; the others would take about {hours:.1f} hours on two cores"
    return f"{text}. Verdict, by a rule fixed beforehand: {_rule(reproduction)}."


def _rule(reproduction: Reproduction) -> str:
    return RULE_TEXTS[reproduction.verdict]


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
        minutes = median(float(row["minutes"]) for row in rows)
        where = ", ".join(sorted({row["processor"] for row in rows}))
        versions = ", ".join(sorted({row["tensorflow"] for row in rows}))
        lines.append(
            f"\nRun on {where} with TensorFlow {versions}; {minutes:.1f} minutes a "
            "run (median), other work beside it on two cores."
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
    names = [*reproduction.columns, "paper", "ours", "seeds", "verdict"]
    rows = []
    for cell in reproduction.cells:
        ours = numbers.get(cell, [])
        paper = published.get((cell, measure))
        if not ours and paper is None and measure != next(iter(reproduction.measures)):
            continue  # it has no such number, or stands as not run in the first table
        planned = len(reproduction.seeds(cell))
        rows.append(
            [
                *cell,
                "–" if paper is None else _number(paper.value, paper.sd, scale),
                _number(fmean(ours), stdev(ours) if len(ours) > 1 else None, scale)
                if ours
                else "–",
                f"{len(ours)} of {planned}",
                verdict(reproduction.verdict, paper, ours),
            ]
        )
    left = [*reproduction.columns, "verdict"]
    return f"## {measure}\n\n" + markdown_table(names, rows, left=left)


def _number(mean: float, sd: float | None, scale: float) -> str:
    digits = 2 if scale > 1 else 3
    text = f"{mean:.{digits}f}"
    return text if sd is None else f"{text} ± {sd:.{digits}f}"


def _orderings(reproduction: Reproduction, results: Results) -> str:
    rows = []
    for ordering in reproduction.orderings:
        measure = ordering.measure or next(iter(reproduction.measures))
        numbers = results.numbers(measure)
        pairs = compare(reproduction, ordering, numbers)
        rows += [
            [
                ordering.claim,
                ordering.source,
                "/".join(pair.higher),
                "/".join(pair.lower),
                _difference(pair),
                pair.verdict,
            ]
            for pair in pairs
        ]
    names = ["claim", "source", "higher", "lower", "difference", "verdict"]
    table = markdown_table(names, rows, left=[n for n in names if n != "difference"])
    return f"## Orderings that the paper claims\n\n{table}"


def _difference(pair: Comparison) -> str:
    if pair.difference is None:
        return "–"
    error = "" if pair.error is None else f" ± {pair.error:.2f}"
    return f"{pair.difference:+.2f}{error}"


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
    names = ["reproduction", "cells", "run", "inside", "outside", "compared", "not run"]
    rows = [_index_row(load_reproduction(n, experiments)) for n in
            reproduction_names(experiments)]  # fmt: skip
    path = experiments / "README.md"
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(INDEX_START)
    _, _, after = rest.partition(INDEX_END)
    table = markdown_table(names, rows, left=["reproduction"])
    write_atomically(path, f"{before}{INDEX_START}\n\n{table}\n\n{INDEX_END}{after}")
    return path


def _index_row(reproduction: Reproduction) -> Sequence[str]:
    found = counts(reproduction, Results(reproduction))
    total = len(reproduction.cells)
    return [
        f"[{reproduction.title}]({reproduction.name}/README.md)",
        *map(
            str,
            (
                total,
                total - found["not run"],
                found["inside"],
                found["outside"],
                found["compared"] + found["ours alone"],
                found["not run"],
            ),
        ),
    ]
