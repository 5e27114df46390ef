"""The report as Markdown."""

from pathlib import PurePath

from matplotlib.figure import Figure

from fedrobust.report.column import Texts
from fedrobust.report.content import Content, Table
from fedrobust.report.drawing import Drawing
from fedrobust.report.markdown import markdown


def text_of(**parts) -> str:
    runs = Table("runs", "Runs", Texts([], [], []))
    found = {"title": "t", "head": [], "varies": [], "runs": runs, **parts}
    return markdown(Content(**found), {"a-figure": PurePath("figures", "a-figure.png")})


def test_a_figure_is_linked_with_what_stands_under_it():
    drawing = Drawing(
        "a-figure", "A | figure", "robustness", Figure(), caption="Means.",
        command="fedrobust report 'a`b' --x k", seeds=(2, 3), footnotes=["a", "b"],
    )  # fmt: skip
    text = text_of(drawings=[drawing])
    assert "## A \\| figure\n\n![A \\| figure](figures/a-figure.png)\n" in text
    assert "\n\nMeans. 2 to 3 seeds. Marks: ᵃ,ᵇ.\n\n" in text
    assert "``fedrobust report 'a`b' --x k``" in text


def test_a_figure_or_table_without_numbers_says_why_in_its_place():
    drawing = Drawing("a-figure", "F", "robustness", reason="No <run> was attacked.")
    table = Table("t", "T", Texts(["a"], [], []), reason="No runs.")
    text = text_of(drawings=[drawing], tables=[table])
    assert "## F\n\nNo \\<run\\> was attacked.\n\n## T\n\nNo runs.\n" in text
    assert "![" not in text


def test_head_problems_and_footnotes_are_literal():
    text = text_of(
        title="<b> & &lt;", head=[("data | set", "[x](y)")], varies=[("k", "a, b")],
        summary=["All *runs*"], problems=["`code`"], footnotes={"a": "f_1 < $b$"},
    )  # fmt: skip
    assert text.startswith("# \\<b\\> & \\&lt;\n")
    assert "| data \\| set | \\[x\\](y) |\n| varies: k | a, b |" in text
    assert "- All \\*runs*\n\n- \\`code\\`" in text
    assert "- ᵃ f_1 \\< \\$b\\$\n" in text
