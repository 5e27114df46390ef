"""Cells are aligned at the decimal point, sorted by their keys, and linked safely."""

import pytest

from fedrobust.report.column import Texts
from fedrobust.report.content import Table
from fedrobust.report.page.cells import Cell, cells, tail_widths


def table(*values: str, **fields) -> Table:
    texts = Texts(["a"], [[value] for value in values], fields.pop("left", []))
    return Table("t", "T", texts, **fields)


def column(*values: str, **fields) -> list[Cell]:
    given = table(*values, **fields)
    return [row[0] for row in cells(given, tail_widths(given.texts))]


def test_uneven_decimals_are_split_at_the_point():
    assert [(cell.text, cell.tail) for cell in column("9.5", "10.25 ± 1.0", "7*")] == [
        ("9", ".5"), ("10", ".25 ± 1.0"), ("7*", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "left", "width"),
    [
        (["9.5", "10.2"], [], 0),
        (["9.5", "10.25"], [], 2.55),
        (["9.5", "10.2 ± 1.0ᵃ,ᵇ"], [], 8.6),
        (["9.5*", "10.25"], [], 0),
        (["9.5ᵃ", "9.5 "], [], 2.3),
        (["9.5", "10.25"], ["a"], 0),
        (["9.5", "–"], [], 1.55),
        (["krum", "median"], [], 0),
        (["v1.2.3", "v1.2"], [], 0),
        ([], [], 0),
    ],
)
def test_only_a_column_whose_points_would_not_align_gets_a_width(values, left, width):
    assert tail_widths(table(*values, left=left).texts) == [width]


def test_a_cell_is_sorted_by_its_key():
    keys = [[0.5], [None], [float("nan")], [float("inf")], [3], ["z"], ["f"]]
    found = column(*"abcdef", "f", sort_keys=keys)
    assert [(cell.number, cell.key) for cell in found] == [
        ("0.5", None), ("", None), ("", None), ("Infinity", None), ("3.0", None),
        (None, "z"), (None, None),
    ]  # fmt: skip


def test_without_keys_a_cell_is_sorted_by_its_text():
    assert [(cell.number, cell.key) for cell in column("a", "b")] == [(None, None)] * 2


def test_only_a_long_text_is_wrapped():
    assert [cell.is_long for cell in column("x" * 28, "x" * 29)] == [False, True]


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("", ""),
        ("runs/a b", "runs/a%20b"),
        ("/tmp/run", "/tmp/run"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("//host/share", "/host/share"),
        ("a?b#c\"'<", "a%3Fb%23c%22%27%3C"),
        ("\udcff", "%FF"),
    ],
)
def test_a_link_stays_a_path(path, address):
    assert column("a", links=[path])[0].link == address


@pytest.mark.parametrize(
    ("text", "head", "tail", "marks"),
    [
        ("9.5ᵃ", "9", ".5", ["a"]),
        ("10.25 ± 1.0ᵃ,ᵇ", "10", ".25 ± 1.0", ["a", "b"]),
        ("7.5ᵃᵇ", "7", ".5", ["ab"]),
        ("7.5ᵃ,ᶻ", "7", ".5ᵃ,ᶻ", []),
        ("7.5", "7", ".5", []),
    ],
)
def test_the_marks_of_a_number_name_its_footnotes(text, head, tail, marks):
    texts = Texts(["a"], [[text]], [])
    ((cell,),) = cells(Table("t", "T", texts), [9], {"a", "b", "ab"})
    assert (cell.text, cell.tail) == (head, tail)
    assert [letter for letter, _ in cell.marks] == marks
    assert cell.text + cell.tail + ",".join(shown for _, shown in cell.marks) == text


def test_a_name_that_ends_in_a_raised_letter_has_no_mark():
    texts = Texts(["a"], [["nameᵃ"]], ["a"])
    ((cell,),) = cells(Table("t", "T", texts), [0], {"a"})
    assert (cell.text, cell.marks) == ("nameᵃ", ())


def test_only_the_first_cell_of_a_row_links():
    given = Table("t", "T", Texts(["a", "b"], [["1", "2"]], []), links=["run"])
    ((first, second),) = cells(given, [0, 0])
    assert (first.link, second.link) == ("run", "")


@pytest.mark.parametrize(
    "fields", [{"links": ["x"]}, {"sort_keys": [["x"]]}, {"sort_keys": [["x"], []]}]
)
def test_a_table_with_too_few_links_or_keys_is_refused(fields):
    with pytest.raises(ValueError, match="shorter"):
        column("a", "b", **fields)
