"""What runs that are not there would cost."""

import yaml

from fedrobust.reproduce import Results, load_reproduction
from fedrobust.reproduce.costs import minutes_of


def test_what_is_left_costs_what_runs_like_it_took(toy, monkeypatch):
    """In most columns alike first; without any run, what the file says."""
    path = toy / "demo" / "reproduction.yaml"
    definition = yaml.safe_load(path.read_text())
    definition["columns"]["size"] = {"s": [], "l": ["num_rounds=3"]}
    definition["plan"][0] |= {"size": ["s", "l"], "seeds": [0, 1, 2]}
    path.write_text(yaml.safe_dump(definition))
    reproduction = load_reproduction("demo", toy)
    results = Results(reproduction)
    assert minutes_of(("avg", "s"), reproduction, results) == 0.1
    for cell, seed, minutes in (
        (("avg", "s"), 0, "3.0"), (("avg", "s"), 1, "5.0"), (("cm", "l"), 0, "40.0"),
    ):  # fmt: skip
        results.rows[cell, seed] = {"minutes": minutes}
    assert minutes_of(("avg", "s"), reproduction, results) == 4.0
    assert minutes_of(("cm", "s"), reproduction, results) == 5.0
    assert minutes_of(("cm", "l"), reproduction, results) == 40.0
