"""What conf/ offers to choose from."""

import re
from pathlib import Path

import pytest

from fedrobust.config.compose import compose_sweep, config_dir
from fedrobust.config.conf_folder import groups


def test_a_folder_within_a_group_holds_more_choices_unless_it_is_a_group_itself(
    tmp_path,
):
    found = groups()
    assert "flanders_baseline/lie" in found["byzantine"]
    assert "FLANDERS baseline codes ALIE" in found["byzantine"]["flanders_baseline/lie"]
    assert "adam" in found["strategy/server_optimizer"]
    assert not any(choice.startswith("server_opt") for choice in found["strategy"])
    (tmp_path / "model" / "lab").mkdir(parents=True)
    (tmp_path / "model" / "lab" / "net.yaml").write_text("# Ours.\n_target_: m.Net\n")
    assert groups(tmp_path)["model"]["lab/net"] == "Ours."


def test_a_choice_in_a_folder_is_composed_and_named_with_it(configure):
    config = configure("byzantine=flanders_baseline/fang", "num_byzantine=2")
    assert config.byzantine["_target_"] == "fedrobust.byzantine.FangFlanders"
    assert config.choices["byzantine"] == "flanders_baseline/fang"


def test_sweeps_over_all_of_a_group_leave_out_the_choices_in_its_folders():
    jobs = [words[-1] for words, _ in compose_sweep(["model=glob(*)"])]
    plain = [choice for choice in groups()["model"] if "/" not in choice]
    assert sorted(jobs) == sorted(f"model={choice}" for choice in plain)


@pytest.mark.parametrize("path", sorted(config_dir().glob("*/*.yaml")), ids=str)
def test_every_choice_says_what_it_is(path: Path):
    comments = [
        line
        for line in path.read_text().splitlines()
        if line.startswith("# ") and "@package" not in line
    ]
    assert comments, f"{path} needs a first line that says what it is"
    plain = {"none.yaml"}
    if path.parent.name in ("strategy", "byzantine", "preaggregator") and (
        path.name not in plain
    ):
        assert re.search(r"(19|20)\d\d\)", " ".join(comments)), f"{path}: citation"
