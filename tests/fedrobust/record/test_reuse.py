"""Whether what a folder holds is still valid: the same data, and which versions."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fedrobust import __version__
from fedrobust.assembly import Experiment, forget
from fedrobust.config.digests import TRAINING_VERSION
from fedrobust.errors import ConfigError
from fedrobust.one_run import run
from fedrobust.record.folder import RunFolder
from fedrobust.report import MissingResultsError, collect
from tests.fedrobust.runs import TINY, Configure


@pytest.fixture
def mine(tmp_path, monkeypatch) -> Callable[..., tuple[str, ...]]:
    """Write a data set of one's own, and give the overrides of a short run on it."""
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    x = np.random.default_rng(0).integers(0, 256, (60, 4, 4), np.uint8)
    arrays = {"x_train": x[:40], "y_train": np.arange(40) % 3}
    arrays |= {"x_test": x[40:], "y_test": np.arange(20) % 3}

    def write(reversed_array: str | None = None) -> tuple[str, ...]:
        changed = {k: v[::-1] for k, v in arrays.items() if k == reversed_array}
        np.savez(tmp_path / "mine.npz", **{**arrays, **changed})
        forget()
        return (
            *("dataset=mnist", "dataset.name=mine", "dataset.input_shape=[4,4,1]"),
            *("dataset.num_classes=3", "num_clients=2", "num_rounds=1", "attack=fgsm"),
        )

    yield write
    forget()


def test_a_result_of_other_data_is_refused_whatever_is_asked_for(
    configure: Configure, tmp_path, mine
):
    """Nothing is evaluated on images that may be among those it was trained on."""
    first = run(configure(*mine()), tmp_path / "r")
    before = (tmp_path / "r" / "result.json").read_bytes()
    digests = {first.data_digest}
    for name in ("x_train", "y_train", "x_test", "y_test"):
        for other in ((), ("attack.epsilon=0.01",)):
            config = configure(*mine(name), *other)
            with pytest.raises(ConfigError, match="was made with other data") as caught:
                run(config, tmp_path / "r")
            now = Experiment(config).split.digest
            assert f"(data_digest {first.data_digest}, now {now})" in str(caught.value)
            assert "--fresh" in str(caught.value)
            digests.add(now)
    assert len(digests) == 5
    assert (tmp_path / "r" / "result.json").read_bytes() == before
    RunFolder(tmp_path / "r", config).clear()
    assert run(config, tmp_path / "r").data_digest == now


def test_a_result_counts_until_its_data_are_found_to_be_others(
    configure: Configure, tmp_path, mine
):
    config, data = configure(*mine()), tmp_path / "mine.npz"
    run(config, tmp_path / "r")

    def fail(reason: str) -> list[str]:
        with pytest.raises(ConfigError, match=reason):
            run(config, tmp_path / "r")
        return json.loads(next(tmp_path.glob("r/error-*")).read_text())[
            "refused_results"
        ]

    data.unlink()
    forget()
    assert fail("mine") == []
    assert collect(tmp_path).groups[0].seeds == [config.seed]
    mine("y_test")
    assert fail("was made with other data") == [config.evaluation_digest]
    data.unlink()
    forget()
    # Nothing was compared, so nothing is known to be right again.
    assert fail("mine") == [config.evaluation_digest]
    with pytest.raises(MissingResultsError):
        collect(tmp_path)
    mine()
    run(config, tmp_path / "r")
    assert collect(tmp_path).groups[0].seeds == [config.seed]


def test_a_result_of_other_clients_rows_is_refused_unless_a_version_explains_it(
    configure: Configure, tmp_path, monkeypatch
):
    """The ids by which a file deals its images are part of no image."""
    from fedrobust.record import environment

    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    x, y = np.zeros((40, 4, 4), np.uint8), np.arange(40) % 3
    own = (
        *("dataset=mnist", "dataset.name=own", "dataset.input_shape=[4,4,1]"),
        *("dataset.num_classes=3", "partition=natural_id", "attack=fgsm"),
        *("num_clients=2", "num_rounds=1"),
    )

    def write(ids: np.ndarray) -> None:
        arrays = {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
        np.savez(tmp_path / "own.npz", **arrays, ids_train=ids)
        forget()

    write(np.arange(40) % 2)
    config = configure(*own)
    first = run(config, tmp_path / "r")
    write(np.arange(40) // 20)
    for asked in (config, configure(*own, "attack.epsilon=0.01")):
        with pytest.raises(ConfigError, match="partition_digest") as caught:
            run(asked, tmp_path / "r")
        assert first.partition_digest in str(caught.value)
    older = {**environment.versions(), "flwr-datasets": "0.0.1"}
    monkeypatch.setattr(environment, "versions", lambda: older)
    again = run(config, tmp_path / "r")
    assert again.other_versions["flwr-datasets"][1] == "0.0.1"
    forget()


def test_a_folder_with_digests_of_another_version_is_left_alone(
    configure: Configure, tmp_path
):
    config = configure(*TINY)
    run(config, tmp_path / "r")
    path = tmp_path / "r" / "config.yaml"
    text = path.read_text()
    older = text.replace(f"digest_version: {TRAINING_VERSION}\n", "")
    assert older != text
    path.write_text(older)
    before = {p: p.read_bytes() for p in (tmp_path / "r").rglob("*") if p.is_file()}
    with pytest.raises(ConfigError) as caught:
        run(config, tmp_path / "r")
    for part in (
        f"{tmp_path / 'r'} holds a run of fedrobust {__version__} with a digest",
        "of version 3, which cannot be compared with those of version "
        f"{TRAINING_VERSION}: choose another hydra.run.dir",
    ):
        assert part in str(caught.value)
    (tmp_path / "r" / "training.json").unlink()
    with pytest.raises(ConfigError, match="holds a run of an earlier fedrobust with"):
        run(config, tmp_path / "r")
    del before[tmp_path / "r" / "training.json"]
    assert all(path.read_bytes() == content for path, content in before.items())


def test_other_versions_than_a_model_was_trained_with_are_told(
    configure: Configure, tmp_path, monkeypatch, capsys
):
    from fedrobust.commands.progress import Progress
    from fedrobust.record import environment

    config = configure(*TINY, "attack=fgsm")
    first = run(config, tmp_path / "r")
    assert first.other_versions == {}
    with monkeypatch.context() as patched:
        newer = {**environment.versions(), "flwr": "9.9", "code": "edited"}
        patched.setattr(environment, "versions", lambda: newer)
        again = run(config, tmp_path / "r")
        there = environment.version("flwr")
        told = {
            "flwr": [there, "9.9"],
            "code": [first.environment["code"], "edited"],
        }
        assert again == replace(first, other_versions=told)
        assert json.loads((tmp_path / "r/result.json").read_text()) == again.to_json()
        Progress(config, tmp_path / "r", None).finish(again)
        error = " ".join(capsys.readouterr().err.split())
        assert f"trained with other code of fedrobust, flwr {there} (now 9.9)" in error
        assert "--fresh" in error
        # An evaluation by these says so, too.
        other = configure(*TINY, "attack=fgsm", "attack.epsilon=0.3")
        assert run(other, tmp_path / "r").other_versions == told
    assert run(config, tmp_path / "r") == first
