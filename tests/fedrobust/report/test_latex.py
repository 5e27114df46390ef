"""The tables of a report for LaTeX, read back by a small tokenizer."""

import re

import pytest

from fedrobust.report import collect
from fedrobust.report.latex import latex
from fedrobust.report.markup import escape_latex
from tests.fedrobust.report.runs import change_result, content_of, write_run

# What stands for one character in the text of a document, and what it shows.
SHOWN = {
    r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^",
    r"\textless{}": "<", r"\textgreater{}": ">", r"\textbar{}": "|",
    r"\char34{}": '"', r"$\pm$": "±", r"$\varepsilon$": "ε", r"\textendash{}": "–",
    r"$\times$": "×", r"\ldots{}": "…", "{[}": "[", "{]}": "]", "{*}": "*", "-{}": "-",
    **{f"\\{sign}": sign for sign in "&%$#_{}"},
}  # fmt: skip
TOKEN = re.compile(
    "|".join(map(re.escape, sorted(SHOWN, key=len, reverse=True)))
    + r"|\\textsuperscript\{\w\}|[^\\{}$&#^_~%<>|\"\[\]]"
)


def read(text: str) -> str:
    """Return what LaTeX shows of a text; fail at anything that it would interpret."""
    shown, place = "", 0
    while place < len(text):
        token = TOKEN.match(text, place)
        assert token, f"{text[place:]!r} is a command"
        raised = re.fullmatch(r"\\textsuperscript\{(\w)\}", token[0])
        shown += f"^{raised[1]}" if raised else SHOWN.get(token[0], token[0])
        place = token.end()
    return shown


def cells(row: str) -> list[str]:
    """Split a row at its separators, which are no escaped ones."""
    return [cell.strip() for cell in re.split(r"(?<!\\)&", row)]


@pytest.mark.parametrize(
    "text",
    ["num_byzantine", "50 %", "a & b", "\\", "a^b", "ε = 0.1", "90.0 ± 1.0", "$x_1$",
     "<script>", "a|b", "[/x]", "{x}", "#1", "~", '"quoted"', "a--b---c", "*", "\\\\",
     "\\input{secret}", "–", "…", "×"],
)  # fmt: skip
def test_a_text_is_shown_as_it_is(text):
    assert read(escape_latex(text)) == text


def test_lines_and_signs_that_cannot_be_printed_are_written_out():
    assert read(escape_latex("two\nlines\x1b")) == "two lines\\x1b"


def test_a_table_of_hostile_names_has_its_rows_and_columns(tmp_path):
    rules = ["[/x]", "* star", "a & b \\\\ c", "$\\frac$", "50 % of num_byzantine"]
    for place, rule in enumerate(rules):
        for attack in ("none", "<b>"):
            write_run(tmp_path, 0.9, 0.5, strategy=rule, byzantine=attack,
                      digest=f"{place}-{attack[1:2]}")  # fmt: skip
    change_result(tmp_path, "0-b", warnings=["f_1 < 50 %"])
    text = latex(content_of(collect(tmp_path)))
    tables = text.split("\\begin{table}")[1:]
    assert len(tables) == 3  # clean, at ε, and all experiments
    assert text.count("{") == text.count("}") + text.count("\\{") - text.count("\\}")
    for table in tables:
        for rule in ("toprule", "midrule", "bottomrule"):
            assert table.count(f"\\{rule}\n") == 1
        head, body = table.split("\\toprule\n")[1].split("\\midrule\n")
        rows = body.split("\\bottomrule")[0].strip().splitlines()
        width = len(cells(head.strip()))
        for row in rows:
            assert row.endswith(" \\\\")
            # An opening bracket or a star would belong to the end of the row above.
            assert row[0] not in "[*"
            found = [read(cell) for cell in cells(row.removesuffix(" \\\\"))]
            assert len(found) == width
        columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", table)[1]
        assert len(columns) == width
    note = "{\\footnotesize \\textsuperscript{a} f\\_1 \\textless{} 50 \\%.\\par}"
    assert f"\\end{{tabular}}\n\\par\\medskip\n{note}\n\\end{{table}}" in text
    first = tables[0].split("\\midrule\n")[1].split("\\bottomrule")[0].splitlines()
    names = [read(cells(row)[0]) for row in first if row]
    assert sorted(names) == sorted(rules)


def test_an_attack_that_is_named_like_a_heading_is_a_column_of_its_own(tmp_path):
    for rule in ("fedavg", "krum"):
        for attack, clean in (("none", 0.9), ("worst", 0.4), ("tax", 0.6)):
            write_run(tmp_path, clean, 0.5, strategy=rule, byzantine=attack)
    text = latex(content_of(collect(tmp_path)))
    assert "strategy & tax & none & tax & worst & worst \\\\" in text
    assert "krum & 0.0 & 90.0 & 60.0 & 40.0 & 40.0 \\\\" in text


def test_a_table_has_the_notes_of_its_own_numbers_and_those_of_all_runs(tmp_path):
    for training in ("standard", "pgd"):
        for rule in ("fedavg", "krum"):
            for attack in ("none", "alie"):
                name = f"{training}-{rule}-{attack}"
                write_run(tmp_path, 0.9, 0.5, strategy=rule, byzantine=attack,
                          training=training, digest=name)  # fmt: skip
                own = [f"only {training}"] * (name.endswith("krum-alie"))
                change_result(tmp_path, name, warnings=["a_b", *own])
    text = latex(content_of(collect(tmp_path)))
    tables = text.split("\\begin{table}")[1:]
    assert len(tables) == 5  # clean and at ε for each training, and all experiments
    notes = [re.search(r"\\footnotesize (.*)\\par", table)[1] for table in tables]
    assert all(note.startswith("All runs: a\\_b.") for note in notes)
    told = [re.findall(r"only (\w+)", note) for note in notes]
    own = [["pgd"], ["pgd"], ["standard"], ["standard"]]
    assert sorted(told[:-1]) == own
    assert sorted(told[-1]) == ["pgd", "standard"]
