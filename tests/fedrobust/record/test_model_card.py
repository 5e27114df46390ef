"""The model card, as a reader sees it and as Markdown shows it."""

import re
from dataclasses import replace

import pytest

from fedrobust.record.model_card import model_card
from tests.fedrobust.record.results import read
from tests.fedrobust.record.tiny import TINY, configured

RESULT = read(
    clean_accuracy=0.975,
    num_evaluated=200,
    robust_accuracy={"fgsm": {"0.1": 0.5}, "pgd": {"0.1": 0.25, "0.2": 0.125}},
    worst_robust_accuracy={"0.1": 0.2, "0.2": 0.1},
    checks={
        "within_ball": {"status": "pass"},
        "logits": {"status": "fail", "meaning": "share of inputs"},
        "restarts": {"status": "not_run"},
    },
    warnings=["2 of 9 rounds were skipped"],
    environment={"fedrobust": "0.1.0"},
)


def cells(card: str) -> list[list[str]]:
    """Return the rows of all tables, as Markdown splits them at unescaped bars."""
    rows = [line for line in card.splitlines() if line.startswith("|")]
    return [[c.strip() for c in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def test_a_card_has_the_training_and_each_accuracy_with_norm_and_epsilon():
    config = configured(
        *TINY, "num_clients=5", "num_byzantine=1", "byzantine=sign_flip",
        "strategy=krum", "preaggregator=nnm",
    )  # fmt: skip
    card = model_card(config, RESULT)
    for row in (
        ["Byzantine clients", "1 of 5 clients (sign_flip)"],
        ["aggregation rule", "krum"],
        ["pre-aggregators", "nnm"],
        ["digest of the configuration", config.digest],
        ["none", "", "", "97.5"],
        ["fgsm", "linf", "0.1", "50.0"],
        ["pgd", "linf", "0.2", "12.5"],
        ["all together", "linf", "0.1", "20.0"],
    ):
        assert row in cells(card)
    assert "on 200 test images" in card
    assert "a federation of 5 clients" in " ".join(card.split())
    assert "\n- logits: share of inputs\n" in card
    # After a blank line, or it would be part of the last bullet.
    assert "\n\nChecks that passed: 1; not run: 1.\n" in card
    assert "\n- 2 of 9 rounds were skipped\n" in card


def test_a_model_that_was_not_attacked_says_so():
    plain = replace(RESULT, robust_accuracy={}, worst_robust_accuracy={}, checks={})
    card = model_card(configured(*TINY, "centralised=true"), plain)
    assert "nothing is known about its robustness" in card
    assert "without a federation" in card
    assert "Byzantine" not in card
    assert "No check failed." in card


@pytest.mark.parametrize("name", ["<script>", "a|b", "[/x]", "$x_1$", "a\nb", "`x`"])
def test_a_name_of_any_characters_is_shown_literally(name):
    config = configured(*TINY)
    config.choices["dataset"] = name
    result = replace(RESULT, robust_accuracy={name: {"0.1": 0.5}}, warnings=[name])
    card = model_card(config, result)
    assert {len(row) for row in cells(card)} == {2, 4}
    assert not re.search(r"(?<!\\)<", card)
    shown = re.sub(r"\\([\\`\[\]<>|~$*_])", r"\1", card)
    assert f"| data set | {' '.join(name.split())} |" in shown
    assert f"\n- {' '.join(name.split())}\n" in shown


def test_the_code_of_the_card_loads_the_model(finished, monkeypatch):
    monkeypatch.chdir(finished)
    card = (finished / "model_card.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    names: dict = {}
    exec(code, names)
    assert names["model"].output_shape == (None, 10)
