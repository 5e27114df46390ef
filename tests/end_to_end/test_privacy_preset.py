"""The preset of privacy's price, shortened: from one command to its figure."""

import json

from fedrobust.cli import main


def test_both_mechanisms_spend_the_target_and_the_report_draws_accuracy_over_it(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    words = ("debug=short", "num_rounds=1", "num_clients=6", "seed=0")
    target = "privacy.target_epsilon=3,inf"
    assert main(["run", "-m", "experiment=privacy", *words, target]) == 0
    results = [
        json.loads(p.read_text()) for p in tmp_path.glob("privacy/*/result.json")
    ]
    claimed = {
        (r["choices"]["privacy"], r["privacy"].get("target_epsilon")): r["privacy"]
        for r in results
    }
    assert len(claimed) == 4
    for name in ("client_dp", "dp_sgd"):
        private = claimed.pop((name, 3.0))
        assert 2.99 < private["epsilon"] <= 3.0
        assert private["noise_multiplier"] > 0
    assert all(none["epsilon"] is None and none["reason"] for none in claimed.values())
    capsys.readouterr()
    axes = ("--x", "privacy.target_epsilon", "--y", "clean_accuracy")
    assert main(["report", "privacy", *axes, "--hue", "privacy"]) == 0
    name = "clean-accuracy-over-privacy-target-epsilon-by-privacy.png"
    assert name in capsys.readouterr().out
    assert (tmp_path / "privacy" / "figures" / name).is_file()
