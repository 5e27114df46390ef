"""Values are shown as they are, whatever characters they hold."""

import csv
import re

import pytest

from fedrobust.cli import main
from tests.fedrobust.report.runs import write_run

VALUES = [
    *("[/x]", "[red]", "a|b", "two\nlines", "<script>alert(1)</script>", "$\\x$"),
    *("a*b*c", "`code`", "_private_", "\x1b[2Jgone", "[a](http://b)", "~~a~~"),
]


@pytest.mark.usefixtures("pdf_fonts_of_users")
def test_values_are_shown_as_they_are(tmp_path, capsys):
    for number, value in enumerate(VALUES):
        more = {"model": {"path": value}}
        for byzantine in ("none", "alie", "ipm"):
            path = tmp_path / f"{number}-{byzantine}"
            write_run(path, 0.5 + number / 100, 0.5, byzantine=byzantine, more=more)
    assert main(["report", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    text = (tmp_path / "report.md").read_text()
    table = next(part for part in text.split("\n\n") if "| checks |" in part)
    names, _, *rows = table.splitlines()
    unescaped = [re.sub(r"\\.", "", line) for line in (names, *rows)]
    # The table has the same columns in every line, and nothing left for Markdown.
    assert len({line.count("|") for line in unescaped}) == 1
    assert not re.search(r"[`<\[~$]|\*\S|\b_", "".join(unescaped))
    shown = [re.sub(r"\\(.)", r"\1", line) for line in rows]
    with (tmp_path / "report.csv").open(newline="") as file:
        stored = {row["model.path"] for row in csv.DictReader(file)}
    for value in VALUES:
        seen = value.replace("\n", " ").replace("\x1b", "\\x1b")
        assert seen in said
        assert any(seen in line for line in shown)
        assert value in stored
    papers = [path.read_bytes() for path in tmp_path.glob("figures/*.pdf")]
    assert papers
    assert all(b"/FontFile2" in paper and b"/Type3" not in paper for paper in papers)


def test_choices_are_drawn_and_tabled_as_they_are(tmp_path, capsys):
    for strategy in ("[/x]", "$\\frac$", "a|b"):
        for byzantine in ("none", "<b>", "alie"):
            path = tmp_path / f"{len(list(tmp_path.iterdir()))}"
            write_run(path, 0.9, 0.5, strategy=strategy, byzantine=byzantine)
    assert main(["report", str(tmp_path)]) == 0
    assert "[/x]" in capsys.readouterr().out
    text = (tmp_path / "report.md").read_text()
    assert "\\<b\\>" in text
    assert "a\\|b" in text
    picture = "clean-accuracy-defences-against-attacks.png"
    assert (tmp_path / "figures" / picture).is_file()
