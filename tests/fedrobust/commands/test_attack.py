"""``fedrobust attack``: what it prints, what it writes, and what it refuses."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from fedrobust.backend import keras
from fedrobust.cli import main


def test_the_command_attacks_a_file(saved, tmp_path, capsys):
    arguments = ["attack", "--model", str(saved), "attack=[fgsm,pgd]",
                 "attack.epsilon=[0.05,0.1]", "--samples", "60", "--out",
                 str(tmp_path / "out"), "--save", "--picture"]  # fmt: skip
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "fgsm" in printed
    assert "not_run" in printed
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["num_evaluated"] == 60
    assert result["choices"]["attack"] == "fgsm+pgd"
    assert set(result["robust_accuracy"]["pgd"]) == {"0.05", "0.1"}
    # Every attack begins at every epsilon with what the model gets right.
    assert [(stage["stage"], stage["epsilon"]) for stage in result["stages"]] == [
        ("FGSM", 0.05), ("FGSM", 0.1), ("PGD", 0.05), ("PGD", 0.1),
    ]  # fmt: skip
    right = {round(60 * result["clean_accuracy"])}
    assert {stage["standing"] for stage in result["stages"]} == right
    worst = result["worst_robust_accuracy"]["0.1"]
    assert worst <= min(c["0.1"] for c in result["robust_accuracy"].values())
    assert result["checks"]["within_ball"]["status"] == "pass"
    assert result["checks"]["restarts"]["status"] == "not_run"
    kept = np.load(tmp_path / "out" / "adversarial.npz")
    assert np.abs(kept["pgd_0.1"].astype(np.float64) - kept["x"]).max() <= 0.1
    assert (tmp_path / "out" / "adversarial.png").stat().st_size > 10_000
    measures = result["measures"]
    assert set(measures["worst"]) == {"0.05", "0.1"}
    assert measures["clean"]["balanced_accuracy"] > 0.8
    confusion = json.loads((tmp_path / "out" / "confusion.json").read_text())
    assert str(tmp_path / "out" / "confusion.json") in printed.replace("\n", "")
    assert confusion["classes"] == [*"0123456789"]
    standing = round(60 * result["robust_accuracy"]["pgd"]["0.1"])
    assert np.trace(confusion["robust"]["pgd"]["0.1"]) == standing


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["attack=pgd"], "--model"),
        (["--model", "nowhere.keras", "attack=pgd"], "there is no such file"),
        (["--model", "{saved}"], "must be an attack, such"),
        (["--model", "{saved}", "attack=pgdd"], "'pgd'"),
        (["--model", "{saved}", "attack=pgd", "strategy=krum"], "has no effect"),
        (["--model", "{saved}", "attack=pgd", "attack.epsilon=-1"], "at least 0"),
        (["--model", "{saved}", "attack=pgd", "attack.epsilon=x"], "8/255"),
        (["--model", "{saved}", "attack=cw_l2", "attack.norm=linf"], "norm"),
        (["--model", "{saved}", "attack=pgd", "checks=some"], "fast, full or none"),
        (["--model", "{saved}", "attack=pgd", "--samples", "0"], "at least 1"),
        (["--model", "{broken}", "attack=pgd"], "cannot be read as a Keras model"),
    ],
)
def test_a_mistake_is_one_sentence(saved, tmp_path, capsys, arguments, message):
    broken = tmp_path / "broken.keras"
    broken.write_text("no model")
    words = [a.format(saved=saved, broken=broken) for a in arguments]
    words += ["--out", str(tmp_path / "out")]
    assert main(["attack", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_take_the_result_is_refused_before_the_attack(
    saved, tmp_path, capsys, monkeypatch
):
    words = ["attack", "--model", str(saved), "attack=fgsm", "--samples", "5"]
    out = tmp_path / "out"
    assert main([*words, "--out", str(out)]) == 0
    assert main([*words, "--out", str(out)]) == 0, "the same again is no conflict"
    there = (out / "result.json").read_bytes()
    monkeypatch.setattr(
        "fedrobust.evaluation.assessment.assess", None
    )  # nobody gets that far
    file = tmp_path / "file"
    file.write_text("")
    for folder, seed, message in (
        (file, 0, "cannot be written"),
        (out, 1, "is the result of another attack: choose another --out"),
    ):
        capsys.readouterr()
        assert main([*words, f"seed={seed}", "--out", str(folder)]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert "--out" in error
    assert (out / "result.json").read_bytes() == there


def data_of(folder, monkeypatch, shape):
    """Keep 20 inputs of a shape as a data set named cifar10."""
    x = np.random.default_rng(0).integers(0, 256, (20, *shape), np.uint8)
    y = np.arange(20) % 10
    np.savez(folder / "cifar10.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    monkeypatch.setenv("FEDROBUST_DATA", str(folder))


def test_flat_inputs_are_drawn_in_the_shape_of_the_images(tmp_path, monkeypatch):
    data_of(tmp_path, monkeypatch, (32, 32, 3))
    model = keras.Sequential([keras.Input((3072,)), keras.layers.Dense(10)])
    model.save(tmp_path / "flat.keras")
    drawn = []
    monkeypatch.setattr(
        "matplotlib.axes.Axes.imshow", lambda self, image, **_: drawn.append(image)
    )
    words = ["--model", str(tmp_path / "flat.keras"), "--dataset", "cifar10"]
    words += ["attack=fgsm", "--picture", "--out", str(tmp_path / "out")]
    assert main(["attack", *words]) == 0
    with np.load(tmp_path / "cifar10.npz") as file:
        # A line of clean images, one a class, and one of what became of them.
        np.testing.assert_allclose(drawn[:10], file["x_test"][:10] / 255, atol=1e-6)
    assert {image.shape for image in drawn[10:]} == {(32, 32, 3)}


def test_inputs_that_are_not_images_are_reported_before_the_attack(
    tmp_path, monkeypatch, capsys
):
    data_of(tmp_path, monkeypatch, (20,))
    monkeypatch.setattr(
        "fedrobust.evaluation.assessment.assess", None
    )  # nobody gets that far
    (tmp_path / "m.keras").touch()
    words = ["--model", str(tmp_path / "m.keras"), "--dataset", "cifar10"]
    words += ["dataset.input_shape=[20]", "attack=fgsm", "--picture"]
    assert main(["attack", *words, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "--picture: inputs of shape (20,) are not images" in error


def test_examples_that_cannot_be_written_are_reported(saved, tmp_path, capsys):
    (tmp_path / "adversarial.npz").mkdir()
    words = ["attack", "--model", str(saved), "attack=fgsm", "--samples", "5"]
    assert main([*words, "--save", "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert f"{tmp_path} cannot be written" in error
    assert "choose another --out" in error


def test_names_are_shown_as_they_are(capsys):
    from fedrobust.commands.attack_view import AttackProgress, print_scores

    name = "a[/x] [red]b[/red]"
    curve = {"0.1": 0.25}
    check = SimpleNamespace(status="fail", figure=0.5, meaning="of [/x] and [bold]")
    scores = SimpleNamespace(
        clean=0.75,
        robust={name: curve},
        worst=curve,
        checks={"of [/x]": check},
        num_examples=4,
    )
    with AttackProgress(4) as watch:
        watch._bar.console.print(watch._bar)
        watch(name, 0.1, 1, 4)
    print_scores(scores)
    out, err = capsys.readouterr()
    assert f"{name} at ε=0.1: 4 of 4" in err
    assert f" {name} " in out
    assert "fail    of [/x]: 0.5 (of [/x] and [bold])" in out


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff", b"[" * 10**5])
def test_a_corrupt_result_is_not_overwritten(saved, tmp_path, capsys, content):
    out = tmp_path / "out"
    out.mkdir()
    (out / "result.json").write_bytes(content)
    words = ["attack", "--model", str(saved), "attack=fgsm", "--out", str(out)]
    assert main(words) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"fedrobust: {out / 'result.json'} ")
    assert told.endswith("; choose another --out")
    assert (out / "result.json").read_bytes() == content
