"""From runs to the content of a report."""

import pytest

from fedrobust.report import collect
from fedrobust.report.build import content
from tests.fedrobust.report.runs import content_of, write_run


@pytest.mark.parametrize(
    ("cells", "keys"),
    [
        (["1e-05", "0.1", "8/255"], [1e-05, 0.1, 8 / 255]),
        (["0015db59", "17e2abcd", "krum"], ["0015db59", "17e2abcd", "krum"]),
        (["3dshapes", "10", "none"], ["3dshapes", 10, "none"]),
    ],
)
def test_a_cell_is_sorted_as_a_number_only_if_it_is_one(tmp_path, cells, keys):
    for number, cell in enumerate(cells):
        more = {"byzantine": {"z": cell}}
        write_run(tmp_path, 0.9, 0.5, more=more, digest=f"run{number}")
    table = content_of(collect(tmp_path)).tables[-1]
    place = table.texts.names.index("byzantine.z")
    rows = zip(table.texts.rows, table.sort_keys, strict=True)
    shown = {row[place]: key[place] for row, key in rows}
    assert shown == dict(zip(cells, keys, strict=True))


def test_numbers_with_a_spread_and_marks_are_sorted_as_numbers(tmp_path):
    for seed, clean in enumerate((0.8, 0.9)):
        write_run(tmp_path, clean, 0.5, seed=seed)
        write_run(tmp_path, clean, 0.5, seed=seed, strategy="krum", failed=True)
    table = content_of(collect(tmp_path)).tables[-1]
    place = table.texts.names.index("clean")
    assert [row[place] for row in table.texts.rows] == ["85.0 ± 7.1", "85.0 ± 7.1ᵃ"]
    assert [row[place] for row in table.sort_keys] == [85.0, 85.0]
    # The folders of runs are names, whatever digits they begin with.
    runs = content(collect(tmp_path), "runs", "", [], tmp_path).runs
    assert {key[0] for key in runs.sort_keys} == {"0", "1", "krum-0", "krum-1"}


def test_no_two_tables_have_one_name(tmp_path):
    for value in ("a b", "a-b"):
        for strategy in ("fedavg", "krum"):
            more = {"dataset": {"note": value}}
            write_run(tmp_path, 0.9, 0.5, strategy=strategy, more=more)
    names = [table.name for table in content_of(collect(tmp_path)).tables]
    assert len({*names}) == len(names) == 5
