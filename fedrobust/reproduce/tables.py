"""The tables of a page: one row for each cell, and one for each pair of a claim."""

from statistics import fmean, stdev

from fedrobust.report.markup import markdown_table
from fedrobust.reproduce.costs import minutes_of
from fedrobust.reproduce.definition import Reproduction
from fedrobust.reproduce.published import PublishedNumbers
from fedrobust.reproduce.results import Results
from fedrobust.reproduce.tally import pairs_of
from fedrobust.reproduce.verdicts import Comparison, allowed, verdict


def cells_table(
    reproduction: Reproduction,
    results: Results,
    published: PublishedNumbers,
    measure: str,
) -> str:
    """Return the table of one measure: the paper's number, ours and the verdict."""
    numbers = results.numbers(measure)
    scale = reproduction.measures[measure].scale
    limits = {
        cell: allowed(
            reproduction.rule(cell, measure), published.get((cell, measure)), ours
        )
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
            continue  # the cell has no such number, or the first table says "not run"
        seeds = reproduction.seeds(cell)
        word = verdict(reproduction.rule(cell, measure), paper, ours)
        remarks = [f"seed {s}: {results.doubts(cell, s)}" for s in seeds
                   if results.doubts(cell, s)]  # fmt: skip
        if ours and paper is not None and reproduction.why_unlike(cell):
            remarks.insert(0, reproduction.why_unlike(cell))
        if not ours:
            minutes = len(seeds) * minutes_of(cell, reproduction, results)
            remarks.append(f"about {minutes:.0f} minutes")
        if remarks:
            word = f"{word} ({'; '.join(remarks)})"
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


def orderings_table(
    reproduction: Reproduction,
    results: Results,
    published: PublishedNumbers,
) -> str:
    """Return the table of the paper's claims: a row for each pair of cells."""
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
                _paper_difference(published, pair, measure, scale),
                _difference(pair, scale),
                pair.verdict,
            ]
            for pair in pairs_of(reproduction, results, ordering)
        ]
    left = ["claim", "source", "higher", "lower", "verdict"]
    names = [*left[:-1], "paper", "difference", "verdict"]
    table = markdown_table(names, rows, left=left)
    text = (
        "A difference is the mean over the seeds that both cells have, ± half the "
        "width of its confidence interval of 95\u00a0% (Student's t); a smaller "
        "difference can be chance. The column paper has the difference of the paper's "
        "own numbers, which may contradict its claim."
    )
    return f"## Orderings that the paper claims\n\n{text}\n\n{table}"


def _paper_difference(
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
