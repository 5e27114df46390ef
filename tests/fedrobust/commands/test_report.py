"""The command `fedrobust report`."""

import csv
import io

import pytest

from fedrobust.cli import main
from tests.fedrobust.report.runs import change_result, write_rounds, write_run

CURVE = "figures/robust-accuracy-over-epsilon-by-strategy.png"


def two_rules(folder, **choices) -> None:
    write_run(folder, 0.9, 0.5, **choices)
    write_run(folder, 0.8, 0.5, strategy="krum", **choices)


def printed(capsys, *arguments) -> str:
    assert main(["report", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def refused(capsys, *arguments) -> str:
    assert main(["report", *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error.removeprefix("fedrobust: ").rstrip()


@pytest.mark.parametrize(
    "name", ["report.html", "report.md", "report.tex", "report.csv", CURVE]
)
def test_a_folder_that_cannot_be_written_is_told(tmp_path, capsys, name):
    two_rules(tmp_path)
    (tmp_path / name).mkdir(parents=True)
    error = refused(capsys, tmp_path)
    assert error.startswith(f"{tmp_path} cannot be written")
    assert not list(tmp_path.glob(".*"))


def test_several_folders_are_one_report_where_it_is_wanted(tmp_path, capsys):
    write_run(tmp_path / "one", 0.9, 0.5)
    write_run(tmp_path / "two", 0.8, 0.5, strategy="krum")
    to = tmp_path / "both"
    said = printed(capsys, tmp_path / "one", tmp_path / "two", "--to", to)
    assert str(to / "report.html") in said
    assert not (tmp_path / "one" / "report.md").exists()
    rows = csv.DictReader(io.StringIO((to / "report.csv").read_text()))
    assert [row["strategy"] for row in rows] == ["fedavg", "krum"]
    text = (to / "report.md").read_text()
    command = f"fedrobust report {tmp_path}/one {tmp_path}/two --to {to}"
    assert f"    {command}\n" in text
    assert f"`{command} --x strategy --y clean_accuracy`" in text


def test_a_folder_that_is_given_twice_or_within_another_counts_once(tmp_path, capsys):
    write_run(tmp_path / "one", 0.9, 0.5)
    printed(capsys, tmp_path, tmp_path / "one", "--to", tmp_path / "r")
    (row,) = csv.DictReader((tmp_path / "r/report.csv").open())
    assert row["clean"] == "0.9"


def test_a_folder_without_runs_and_none_at_all_are_told(tmp_path, capsys):
    told = refused(capsys, tmp_path)
    assert told.startswith(
        f"no finished run in {tmp_path}: must be the folder of a run"
    )
    assert not [*tmp_path.iterdir()]
    missing = tmp_path / "missing"
    assert refused(capsys, missing) == f"{missing}: there is no such folder"


def test_each_torn_file_is_named_and_the_rest_is_shown(tmp_path, capsys):
    for seed in (0, 1, 2):
        write_run(tmp_path / str(seed), 0.9, 0.5, seed=seed)
    config = tmp_path / "0" / "0" / "config.yaml"
    config.write_text("a: [")
    (evaluation,) = (tmp_path / "1").rglob("e.json")
    evaluation.write_text('{"seed": ')
    rounds = write_rounds(tmp_path / "2", [0.4, 0.9])
    rounds.write_text("{")
    said = printed(capsys, tmp_path)
    text = (tmp_path / "report.md").read_text()
    for path in (config, evaluation, rounds):
        assert said.count(str(path)) == 1
        assert text.count(str(path)) == 1
    (row,) = csv.DictReader((tmp_path / "report.csv").open())
    assert row["seed"] == "2"


def test_different_experiments_in_one_folder_are_one_report(tmp_path, capsys):
    for dataset, epsilons in (("digits", ("0.1", "0.2")), ("mnist", ("0.3",))):
        robust = dict.fromkeys(epsilons, 0.5)
        write_run(tmp_path, 0.9, robust, dataset=dataset, training="pgd")
        write_run(tmp_path, 0.8, {}, dataset=dataset, byzantine="alie")
    said = printed(capsys, tmp_path)
    assert "digits" in said
    assert "mnist" in said
    rows = [*csv.DictReader((tmp_path / "report.csv").open())]
    assert len(rows) == 4
    # What a run was not evaluated at is no number.
    assert [row["robust_0.3"] for row in rows if row["dataset"] == "digits"] == ["", ""]


def test_one_figure_is_drawn_by_its_axes(tmp_path, capsys):
    for number in (0, 1):
        two_rules(tmp_path, more={"num_byzantine": number})
    said = printed(capsys, tmp_path, "--x", "num_byzantine", "--y", "clean_accuracy",
                   "--hue", "strategy", "--where", "strategy=krum")  # fmt: skip
    name = "clean-accuracy-over-num-byzantine-by-strategy-strategy-krum"
    kinds = ("txt", "pdf", "png")
    paths = [tmp_path / "figures" / f"{name}.{kind}" for kind in kinds]
    assert said.splitlines()[-3:] == [*map(str, paths)]
    assert all(path.is_file() for path in paths)
    assert not (tmp_path / "report.html").exists()


def test_a_figure_of_the_report_is_drawn_by_its_name(tmp_path, capsys):
    two_rules(tmp_path)
    name = "clean-accuracy-over-strategy"
    said = printed(capsys, tmp_path, "--figure", name)
    assert said.splitlines()[-1] == str(tmp_path / "figures" / f"{name}.png")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--x", "strateg"], "--x strateg: nothing of this name varies or was measured "
         "in these runs, did you mean 'strategy'?"),
        (["--x", "strategy", "--where", "krum"],
         "--where krum: must be KEY=VALUE, such as strategy=krum"),
        (["--x", "strategy", "--where", "=krum"],
         "--where =krum: must be KEY=VALUE, such as strategy=krum"),
        (["--y", "clean_accuracy"],
         "--x is missing: name what is across, such as --x round, or a key in which "
         "the runs differ"),
        (["--x", "strategy", "--figure", "f"],
         "--figure f: names a figure of the report, so it takes no --x: leave one of "
         "them out"),
        (["--z", "strategy"],
         "report: unrecognized arguments: --z strategy; see fedrobust report --help"),
        (["--x", "round"],
         "--x round: no run recorded its rounds: their metrics.jsonl are missing"),
    ],
)  # fmt: skip
def test_wrong_options_are_told_in_one_sentence(tmp_path, capsys, options, told):
    two_rules(tmp_path)
    assert refused(capsys, tmp_path, *options) == told
    assert not (tmp_path / "figures").exists()


def test_notes_are_below_the_table_with_how_many_runs_have_them(tmp_path, capsys):
    two_rules(tmp_path)
    change_result(tmp_path, "krum-0", warnings=["z is 0: [/x] no attack"])
    assert "ᵃ z is 0: [/x] no attack (1 of 2 runs)" in printed(capsys, tmp_path)


def test_a_table_that_is_too_long_for_a_terminal_is_in_the_files(tmp_path, capsys):
    for number in range(70):
        write_run(tmp_path, 0.9, 0.5, strategy=f"rule_{number}")
    said = printed(capsys, tmp_path)
    assert "70 rows: they are in the files below" in said
    assert len([*csv.DictReader((tmp_path / "report.csv").open())]) == 70


def test_hostile_names_are_literal_in_every_file(tmp_path, capsys):
    names = ["<script>alert(1)</script>", "a|b", "[/x]", "two\nlines", "$x_1$"]
    for place, name in enumerate(names):
        write_run(tmp_path, 0.9, 0.5, strategy=name, digest=f"run{place}")
        change_result(
            tmp_path, f"run{place}", warnings=[f"{name} in {'ab'[place % 2]}"]
        )
    said = printed(capsys, tmp_path)
    for name in names:
        assert name.replace("\n", " ") in said
    text = (tmp_path / "report.md").read_text()
    for line in ("\\<script\\>alert(1)\\</script\\>", "a\\|b", "\\[/x\\]",
                 "two lines", "\\$x_1\\$"):  # fmt: skip
        assert f"| {line} |" in text
    page = (tmp_path / "report.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    table = (tmp_path / "report.tex").read_text()
    assert "\n\\$x\\_1\\$ & 90.0" in table
    assert "\n{[}/x{]} & 90.0" in table
    rows = csv.DictReader((tmp_path / "report.csv").open(newline=""))
    assert {row["strategy"] for row in rows} == {*names}


def test_the_help_names_every_option(capsys):
    said = printed(capsys, "--help")
    for option in ("--to", "--figure", "--x", "--y", "--hue", "--facet", "--where"):
        assert f"  {option} " in said
    assert max(map(len, said.splitlines())) <= 88


def test_a_figure_on_request_comes_with_its_caption(tmp_path, capsys):
    for seed in (0, 1):
        write_run(tmp_path, 0.9 - seed / 10, 0.5, strategy="krum", seed=seed)
    write_run(tmp_path, 0.8, 0.5, failed=True)
    assert main(["report", str(tmp_path), "--x", "strategy"]) == 0
    said = capsys.readouterr().out
    assert "1 to 2 seeds." in said
    assert "ᵃ failed the check within_ball, so the robust accuracy" in said
    (text,) = (tmp_path / "figures").glob("*.txt")
    assert text.read_text().split("\n")[0] in said
    assert f"fedrobust report {tmp_path} --x strategy" in text.read_text()


def test_a_key_is_fixed_once(tmp_path, capsys):
    write_run(tmp_path, 0.9, 0.5)
    twice = ["--x", "seed", "--where", "strategy=krum", "--where", "strategy=fedavg"]
    assert main(["report", str(tmp_path), *twice]) == 2
    told = "--where strategy=fedavg: strategy=krum was given before"
    assert told in capsys.readouterr().err
