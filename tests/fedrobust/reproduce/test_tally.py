"""How many pairs of cells bear a claim out."""

import pytest
import yaml

from fedrobust.reproduce import Results, load_reproduction
from fedrobust.reproduce.page import write_page
from fedrobust.reproduce.tally import claim_counts


def test_pairs_with_a_cell_of_another_setting_are_not_judged(toy):
    path = toy / "demo" / "reproduction.yaml"
    definition = yaml.safe_load(path.read_text())
    definition["unlike"] = [{"cells": {"rule": "cm"}, "why": "a smaller network"}]
    path.write_text(yaml.safe_dump(definition))
    reproduction = load_reproduction("demo", toy)
    results = Results(reproduction)
    for rule, values in (("avg", [1, 2, 3]), ("cm", [7, 8, 9])):
        for seed, value in enumerate(values):
            row = dict.fromkeys(results.names, "1")
            results.rows[(rule,), seed] = {**row, "accuracy": str(value)}
    assert claim_counts(reproduction, results) == {("compared", False): 1}
    page = write_page(reproduction, results).read_text()
    assert (
        "The paper's claims are compared but not judged for 1 pair of cells. " in page
    )
    assert "| compared (a smaller network) |" in page


DOUBTFUL = (
    "for 0 pairs of cells (and for 1 more, with fewer than three seeds or within "
    "chance). "
)


@pytest.mark.parametrize(
    ("avg", "cm", "pair", "said"),
    [
        ([4, 6, 5], [1, 3, 2], ("holds", False), "hold for 1 pair of cells. "),
        ([4, 6], [1, 3], ("holds", True), f"hold {DOUBTFUL}"),
        # 1, 3 and 2 seed by seed: 2 ± 2.5
        ([4, 6, 5], [3, 3, 3], ("holds", True), f"hold {DOUBTFUL}"),
        ([9], [1, 3, 2], ("holds", True), f"hold {DOUBTFUL}"),
        (
            [1, 3, 2],
            [4, 6, 5],
            ("does not hold", False),
            "do not hold for 1 pair of cells. ",
        ),
        ([3, 3, 3], [4, 6, 5], ("does not hold", True), f"do not hold {DOUBTFUL}"),
    ],
)
def test_what_chance_could_have_made_is_counted_apart(toy, avg, cm, pair, said):
    reproduction = load_reproduction("demo", toy)
    results = Results(reproduction)
    for rule, values in (("avg", avg), ("cm", cm)):
        for seed, value in enumerate(values):
            row = dict.fromkeys(results.names, "1")
            results.rows[(rule,), seed] = {**row, "accuracy": str(value)}
    assert claim_counts(reproduction, results) == {pair: 1}
    page = write_page(reproduction, results).read_text()
    assert f"The paper's claims {said}" in page
