"""The number of cells with each verdict, and of pairs that support a claim."""

from collections import Counter

from fedrobust.reproduce.definition import Ordering, Reproduction
from fedrobust.reproduce.published import PublishedNumbers
from fedrobust.reproduce.results import Results
from fedrobust.reproduce.verdicts import Comparison, compare, verdict

VERDICTS = ("inside", "outside", "compared", "ours alone", "not run")
DOUBT = "with fewer than three seeds or within chance"
# The names of outcomes of a pair of cells; the flag says whether it is in doubt.
PAIRS = {
    ("holds", False): "pairs that hold",
    ("holds", True): "hold in doubt",
    ("does not hold", False): "do not hold",
    ("does not hold", True): "do not, in doubt",
    ("compared", False): "pairs compared",
    ("not run", False): "pairs not run",
}


def counts(
    reproduction: Reproduction, results: Results, published: PublishedNumbers
) -> Counter[str]:
    """Count the planned cells by their verdict on the first measure."""
    measure = next(iter(reproduction.measures))
    numbers = results.numbers(measure)
    return Counter(
        verdict(
            reproduction.rule(cell, measure),
            published.get((cell, measure)),
            numbers.get(cell, []),
        )
        for cell in reproduction.cells
    )


def claim_counts(
    reproduction: Reproduction, results: Results
) -> Counter[tuple[str, bool]]:
    """Count the pairs of the claimed orderings by the keys of ``PAIRS``."""
    return Counter(
        (pair.word, bool(pair.doubt))
        for ordering in reproduction.orderings
        for pair in pairs_of(reproduction, results, ordering)
    )


def pairs_of(
    reproduction: Reproduction, results: Results, ordering: Ordering
) -> list[Comparison]:
    """Compare a claim with our numbers, by the measure that the claim is about."""
    measure = ordering.measure or next(iter(reproduction.measures))
    return compare(reproduction, ordering, results.by_seed(measure))
