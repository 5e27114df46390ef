"""Only rows that a run could have written are read."""

import csv

from tests.fedrobust.reproduce.toy import command


def test_results_of_another_version_are_not_overwritten(toy, monkeypatch, capsys):
    words = ("--cells", "rule=avg", "--seeds", "0")
    assert command(toy, monkeypatch, *words) == 0
    results = toy / "demo" / "results.csv"
    (row,) = csv.DictReader(results.open())
    for old, new, said in (
        (row["config_digest"], "0123456789abcdef", "another version of this experim"),
        (",minutes,", ",hours,", "missing: ['minutes'], unknown: ['hours']"),
    ):
        changed = results.read_text().replace(old, new)
        results.write_text(changed)
        capsys.readouterr()
        assert command(toy, monkeypatch) == 2
        assert said in capsys.readouterr().err
        assert results.read_text() == changed


def test_damaged_results_are_refused(toy, monkeypatch, capsys):
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    results = toy / "demo" / "results.csv"
    head, row = results.read_text().splitlines()
    cell, _, rest = row.partition(",0,")
    numbers = dict(zip(head.split(","), row.split(","), strict=True))

    def with_value(name: str, value: str) -> str:
        return ",".join({**numbers, name: value}.values())

    for damaged in (
        f"{cell},x,{rest}",
        f"{row},more",
        f"{row}\n{row}",
        "avg,0",
        with_value("accuracy", "abc"),
        with_value("accuracy", "nan"),
        with_value("accuracy", "100.1"),
        with_value("accuracy", ""),
        with_value("minutes", "x"),
        with_value("rule", "median"),
    ):
        results.write_text(f"{head}\n{damaged}\n")
        capsys.readouterr()
        assert command(toy, monkeypatch) == 2
        assert "results.csv, line" in capsys.readouterr().err
        assert results.read_text() == f"{head}\n{damaged}\n"


def test_a_byte_order_mark_and_the_line_ends_of_windows_are_read(toy, monkeypatch):
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    results, page = toy / "demo" / "results.csv", toy / "demo" / "README.md"
    before = page.read_text()
    for path in (results, toy / "demo" / "published.csv"):
        path.write_text("\ufeff" + path.read_text(), newline="\r\n")
    assert command(toy, monkeypatch, "--page") == 0
    assert page.read_text() == before


def test_a_row_that_is_not_planned_is_refused(toy, monkeypatch, capsys):
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    results = toy / "demo" / "results.csv"
    changed = results.read_text().replace("avg,0,", "avg,7,")
    results.write_text(changed)
    assert command(toy, monkeypatch) == 2
    assert "avg with seed 7 is not planned" in capsys.readouterr().err
    assert results.read_text() == changed


def test_results_that_are_no_text_are_refused(toy, monkeypatch, capsys):
    results = toy / "demo" / "results.csv"
    results.write_bytes(b"rule,\xff")
    assert command(toy, monkeypatch) == 2
    assert "results.csv cannot be read" in capsys.readouterr().err


def test_a_row_of_another_version_is_refused_whatever_is_run(toy, monkeypatch, capsys):
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    results = toy / "demo" / "results.csv"
    (row,) = csv.DictReader(results.open())
    changed = results.read_text().replace(row["config_digest"], "0123456789abcdef")
    results.write_text(changed)
    assert command(toy, monkeypatch, "--cells", "rule=cm", "--seeds", "1") == 2
    assert "another version of this experiment" in capsys.readouterr().err
    assert results.read_text() == changed
