"""What conf/ offers to choose from."""

from fedrobust.config.compose import compose_sweep
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
