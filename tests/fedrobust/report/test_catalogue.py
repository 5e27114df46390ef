"""Choices and keys are read from YAML with their comments, and from docstrings."""

from dataclasses import dataclass

import pytest

from fedrobust.cli import main
from fedrobust.report.catalogue import group_page, overview, parameters_of
from fedrobust.report.conf_file import Option, options_of

FILE = """# What it is (Somebody 2020).
defaults:
  - base
  - /preaggregator/bucketing@_here_
  - override /attack: pgd  # which attack
rule:
  _target_: mine.Rule
  f: ${..f}      # how many
  size: 0.1      # first line
                 # and second
  text: "a # b"  # quoted
plain: [1, 2]
deep:
  # Said above,
  # in two lines.
  down: true
hydra.param: 1,2 # dotted
"""


def keys(options: list[Option]) -> dict[str, tuple[str | None, str]]:
    return {option.key: (option.value, option.comment) for option in options}


@pytest.fixture
def strategy(tmp_path):
    folder = tmp_path / "strategy"
    folder.mkdir()
    (folder / "base.yaml").write_text("plain: 0    # from the base\nextra: 5  # five\n")
    (folder / "mine.yaml").write_text(FILE)
    return folder / "mine.yaml"


def test_keys_have_their_values_and_comments(strategy):
    found = keys(options_of(strategy, "strategy"))
    assert found.pop("strategy.bucketing.s")[0] == "2", "a file elsewhere in conf/"
    assert found == {
        "strategy.plain": ("[1, 2]", ""),
        "strategy.extra": ("5", "five"),
        "strategy.bucketing._target_": ("strategies.preaggregators.Bucketing", ""),
        "attack": ("pgd", "which attack"),
        "strategy.rule._target_": ("mine.Rule", ""),
        "strategy.rule.f": ("${..f}", "how many"),
        "strategy.rule.size": ("0.1", "first line and second"),
        "strategy.rule.text": ('"a # b"', "quoted"),
        "strategy.deep.down": ("true", "Said above, in two lines."),
        "strategy.hydra.param": ("1,2", "dotted"),
    }


def test_keys_of_a_global_package_are_at_the_root(strategy):
    strategy.write_text("# @package _global_\n# A preset.\nnum_rounds: 2\n")
    assert keys(options_of(strategy, "experiment")) == {"num_rounds": ("2", "")}


def test_a_choice_of_ones_own_is_listed_without_running_its_code(strategy):
    page = group_page("strategy", str(strategy.parents[1]))
    section = page.split("## `mine`")[1]
    assert "| [`mine`](#mine) | What it is | Somebody 2020 |  |" in page
    assert "| `strategy.rule.size` | `0.1` | first line and second |" in section
    assert "## `krum`" in page


@pytest.mark.parametrize(
    ("rule", "fewest"),
    [("krum", "2f + 3"), ("bulyan", "4f + 3"), ("flanders", "f + 1"), ("median", "1")],
)
def test_the_fewest_clients_are_those_of_the_rule(rule, fewest):
    rows = [r for r in group_page("strategy").splitlines() if f"[`{rule}`]" in r]
    assert [row.rpartition(" | ")[2] for row in rows] == [f"{fewest} |"]


def test_what_an_attack_controls_and_its_norms_are_those_of_its_class():
    byzantine, attack = group_page("byzantine"), group_page("attack")
    assert "| Gu et al. 2017 | data, reply |" in byzantine
    assert "| Baruch et al. 2019 | collusion |" in byzantine
    (row,) = [r for r in attack.splitlines() if r.startswith("| [`cw_l2`]")]
    assert row.endswith("| l2 |")


def test_the_overview_counts_the_choices():
    rows = {r.split("`")[1]: r.split(" | ")[2] for r in overview().splitlines()[2:]}
    assert rows["debug"] == "1"
    assert rows["preaggregator"] == "5"


def test_parameters_are_those_of_the_class_and_its_bases():
    @dataclass
    class Base:
        """A base.

        Parameters
        ----------
        a, b
            Both,
            at least 0.
        """

    @dataclass
    class Derived(Base):
        """A class.

        Parameters
        ----------
        b
            Above ``1``.

        Returns
        -------
        c
            Not a parameter.
        """

    assert parameters_of(Derived) == {"a": "Both, at least 0.", "b": "Above `1`."}


def test_the_command_prints_the_page(capsys):
    assert main(["list", "--markdown", "preaggregator", "debug"]) == 0
    pages = group_page("preaggregator") + "\n" + group_page("debug")
    assert capsys.readouterr().out == pages


def test_an_unknown_group_is_refused(capsys):
    assert main(["list", "--markdown", "strateg"]) == 2
    assert "did you mean 'strategy'?" in capsys.readouterr().err
