"""Confusion matrices, examples and the partition are written and read back."""

import json
import shutil

import numpy as np
import pytest

from fedrobust.assembly import Experiment
from fedrobust.errors import FileError
from fedrobust.evaluation.details import Details
from fedrobust.one_run import run
from fedrobust.record import details
from fedrobust.record import folder as folders
from fedrobust.record.details import named
from fedrobust.record.folder import RunFolder
from fedrobust.record.result import Result
from fedrobust.record.stored_run import StoredRun
from tests.fedrobust.record.results import LEAST
from tests.fedrobust.record.tiny import OTHER, TINY, configured

DIGEST = configured(*TINY).evaluation_digest


def content(folder):
    """Return the bytes of every file that this evaluation adds."""
    names = [f"confusion/{DIGEST}.json", f"examples/{DIGEST}.npz", "partition.json"]
    return {name: (folder / name).read_bytes() for name in names}


def test_a_run_is_read_back_with_its_details(finished):
    config, stored = configured(*TINY), StoredRun(finished)
    result, experiment = stored.result(), Experiment(config)
    confusion, kept = stored.confusion(DIGEST), stored.examples(DIGEST)
    assert confusion is not None
    assert kept is not None
    assert confusion["classes"] == [str(label) for label in range(10)]
    assert np.trace(confusion["clean"]) == round(20 * result.clean_accuracy)
    robust = result.robust_accuracy["fgsm"]["0.15"]
    assert np.trace(confusion["robust"]["fgsm"]["0.15"]) == round(20 * robust)
    np.testing.assert_array_equal(kept["x"], experiment.split.x_test[kept["rows"]])
    moved = np.abs(kept["adversarial/fgsm/0.15"].astype(float) - kept["x"])
    assert 0 < moved.max() <= 0.15
    assert set(kept) == {
        "rows", "x", "y", "answers", "adversarial/fgsm/0.15", "answers/fgsm/0.15"
    }  # fmt: skip
    partition = stored.partition()
    assert partition is not None
    for rows, counts in zip(experiment.partition, partition["counts"], strict=True):
        labels = experiment.split.y_train[rows].tolist()
        assert counts == [labels.count(label) for label in range(10)]
    assert result.measures is not None
    assert result.measures["clean"]["balanced_accuracy"] > 0
    # Every evaluated round has a loss; the last is that of the trained model.
    rows = stored.rounds(2)
    assert rows[-1].loss == result.measures["clean"]["loss"]
    assert rows[0].loss not in (None, rows[-1].loss)


def test_the_same_run_writes_the_same_bytes(finished, tmp_path):
    run(configured(*TINY), tmp_path / "again")
    assert content(tmp_path / "again") == content(finished)


def test_another_evaluation_adds_its_own_files(folder):
    before = content(folder)
    run(configured(*OTHER), folder)
    assert content(folder) == before
    digest = configured(*OTHER).evaluation_digest
    confusion = StoredRun(folder).confusion(digest)
    assert confusion is not None
    assert list(confusion["robust"]["fgsm"]) == ["0.3"]
    assert "answers/fgsm/0.3" in (StoredRun(folder).examples(digest) or {})


def test_without_an_attack_there_are_no_examples_and_alone_no_partition(tmp_path):
    config = configured(*TINY[:3], "attack=none", "experiment=centralised")
    run(config, tmp_path / "r")
    stored = StoredRun(tmp_path / "r")
    assert stored.examples(config.evaluation_digest) is None
    assert stored.partition() is None
    assert (stored.confusion(config.evaluation_digest) or {})["robust"] == {}


def test_a_finished_run_of_an_earlier_version_stays_one(folder, monkeypatch):
    for name in ("confusion", "examples"):
        shutil.rmtree(folder / name)
    (folder / "partition.json").unlink()
    for path in (folder / "result.json", folder / f"evaluations/{DIGEST}.json"):
        values = json.loads(path.read_text())
        del values["measures"]
        path.write_text(json.dumps(values))
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
    for line in lines:
        del line["loss"]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(r)}\n" for r in lines))
    monkeypatch.setattr("fedrobust.evaluation.evaluator.Evaluator.__call__", None)
    assert run(configured(*TINY), folder).measures is None
    stored = StoredRun(folder)
    assert stored.rounds(2)[0].loss is None
    assert (stored.confusion(DIGEST), stored.examples(DIGEST)) == (None, None)
    assert stored.partition() is None


@pytest.mark.parametrize(
    "victim", ["write_partition", "write_confusion", "write_examples", "write_result"]
)
def test_a_run_that_is_killed_between_its_files_is_completed(
    victim, finished, tmp_path, monkeypatch
):
    folder = tmp_path / "r"

    def die(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        places = {"write_result": RunFolder, "write_partition": folders}
        patched.setattr(places.get(victim, details), victim, die)
        with pytest.raises(KeyboardInterrupt):
            run(configured(*TINY), folder)
    stored = StoredRun(folder)
    assert not stored.is_finished(DIGEST)
    found = {
        "write_partition": stored.partition(),
        "write_confusion": stored.confusion(DIGEST),
        "write_examples": stored.examples(DIGEST),
    }
    order = [*found, "write_result"]
    for name, value in found.items():
        assert (value is not None) == (order.index(name) < order.index(victim))
    run(configured(*TINY), folder)
    assert content(folder) == content(finished)


def test_training_anew_removes_them(folder):
    (folder / "confusion" / ".x.json.7.partial").write_text("half of")
    RunFolder(folder, configured(*TINY)).clear()
    left = [path.name for path in folder.rglob("*") if path.is_file()]
    assert sorted(left) == [".lock", "config.yaml"]


DAMAGE = {
    "torn": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "another": lambda content: b"[1]",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("name", ["confusion/*", "examples/*", "partition.json"])
def test_a_torn_file_is_told_in_one_sentence_and_stops_no_other(folder, name, damage):
    (path,) = folder.glob(name)
    path.write_bytes(damage(path.read_bytes()))
    stored, refused = StoredRun(folder), []
    for read in (
        lambda: stored.confusion(DIGEST),
        lambda: stored.examples(DIGEST),
        stored.partition,
    ):
        try:
            assert read() is not None
        except FileError as error:
            refused.append(str(error))
    (message,) = refused
    assert message.startswith(str(path))
    assert message.endswith("anew")
    assert "\n" not in message
    assert run(configured(*TINY), folder).measures == stored.result().measures


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("confusion", {"clean": [[1, 0], [0]]}, "a matrix is not 2 x 2"),
        ("confusion", {"robust": {"a": {"0.1": [[1]]}}}, "a matrix is not 2 x 2"),
        ("confusion", {"clean": [[1, "x"], [0, 0]]}, "clean is 'x': must be int"),
        ("confusion", {"classes": 3}, "classes is 3: must be list"),
        ("partition", {"counts": [[1]]}, "a row of counts has not 2 numbers"),
        ("partition", {"counts": None}, "counts is None: must be list"),
        ("partition", {"counts": []}, "counts is empty: must have a row"),
        ("partition", {"counts": [[1, -1]]}, "-1 is no number of images"),
        ("confusion", {"clean": [[1, 0], [0, 10**30]]}, "is no number of images"),
        ("confusion", {"classes": [], "clean": []}, "classes is empty"),
    ],
)
def test_files_with_other_contents_are_refused(tmp_path, name, values, told):
    right = {"classes": ["a", "b"], "clean": [[1, 0], [0, 1]], "counts": [[1, 2]]}
    path = tmp_path / "x.json"
    path.write_text(json.dumps(right | values))
    read = {"confusion": details.read_confusion, "partition": details.read_partition}
    with pytest.raises(FileError) as caught:
        read[name](path)
    assert told in str(caught.value)
    path.write_text(json.dumps(right))
    assert read[name](path)["classes"] == ["a", "b"]


def test_examples_with_other_arrays_are_refused(tmp_path):
    path = tmp_path / "x.npz"
    arrays = {"rows": np.arange(2), "x": np.zeros((2, 5)), "y": np.arange(2)}
    np.savez(path, **arrays)
    with pytest.raises(FileError, match=r"x\.npz lacks answers; remove it and"):
        details.read_examples(path)
    np.savez(path, **arrays, answers=np.zeros(3))
    with pytest.raises(FileError, match=r"answers has shape \(3,\): must begin with 2"):
        details.read_examples(path)


@pytest.mark.parametrize(
    ("name", "array", "told"),
    [
        ("rows", np.zeros(0, int), "rows has shape (0,): must have an entry"),
        ("y", np.zeros(2), "y must have integers"),
        ("x", np.full((2, 5), np.nan), "x must have finite numbers"),
        ("x", np.array([["a"] * 5] * 2), "x must have numbers"),
        ("adversarial/pgd/0.1", np.zeros((2, 4)), "has shape (2, 4): must begin"),
        ("adversarial/pgd/0.1", np.zeros((2, 5)), "lacks answers/pgd/0.1"),
    ],
)
def test_examples_that_could_not_be_drawn_are_refused(tmp_path, name, array, told):
    path = tmp_path / "x.npz"
    right = {"rows": np.arange(2), "x": np.zeros((2, 5)), "y": np.arange(2)}
    np.savez(path, **right, answers=np.arange(2))
    assert details.read_examples(path) is not None
    np.savez(path, **{**right, "answers": np.arange(2), name: array})
    with pytest.raises(FileError) as caught:
        details.read_examples(path)
    assert str(caught.value).startswith(str(path))
    assert told in str(caught.value)


def test_classes_without_a_name_have_their_number():
    assert named(None, 3) == ["0", "1", "2"]
    assert named(("cat", "|"), 3) == ["cat", "|", "2"]
    assert named(("cat", "dog"), 1) == ["cat"]


def test_a_class_without_an_example_is_read_as_none():
    clean = {"macro_f1": 1.0, "balanced_accuracy": 1.0, "class_accuracy": [1.0, None]}
    measures = {"clean": clean | {"loss": None}, "worst": {"0.1": clean}}
    text = json.dumps(LEAST | {"measures": measures})
    found = Result.from_json(json.loads(text), "result.json", "remove it")
    assert found.measures == measures
    wrong = LEAST | {"measures": {"clean": {"macro_f1": "x"}}}
    with pytest.raises(FileError, match=r"measures\.clean\.macro_f1 is 'x'"):
        Result.from_json(wrong, "result.json", "remove it")


def test_names_of_any_kind_are_read_as_they_were_given(tmp_path):
    names = ["<script>", "a|b", "[/x]", "50 %", "$x_1$", "a/b", "two\nlines", "ü"]
    matrices = {name: {"0.1": [[2, 0], [1, 0]]} for name in names}
    measures = {"clean": {}, "worst": {}}
    arrays = {key: np.arange(1) for key in ("rows", "x", "y", "answers")}
    arrays |= {f"answers/{name}/0.1": np.array([i]) for i, name in enumerate(names)}
    found = Details(measures, [[1, 1], [0, 1]], matrices, arrays)
    details.write_details(tmp_path, "d", found, ["<b>", "a|b"])
    stored = StoredRun(tmp_path)
    assert stored.confusion("d") == {
        "classes": ["<b>", "a|b"], "clean": [[1, 1], [0, 1]], "robust": matrices
    }  # fmt: skip
    kept = stored.examples("d")
    assert kept is not None
    for i, name in enumerate(names):
        assert kept[f"answers/{name}/0.1"].tolist() == [i]
