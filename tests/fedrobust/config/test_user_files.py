"""A file of the user's own that is broken: one sentence with its path and line."""

from pathlib import Path

import pytest

from fedrobust.cli import main

# Content of strategy/mine.yaml, and what the sentence must say.
BROKEN = {
    "a tab": (b"rule:\n\tf: 1\n", ["line 2", "tabs"]),
    "a key twice": (b"rule:\n  f: 1\nrule:\n  f: 1\n", ["line 3", "duplicate key"]),
    "a Python tag": (b"a: 1\nrule: !!python/name:os.system\n", ["line 2", "tag"]),
    "a tag of one's own": (b"rule: !mine x\n", ["line 1", "'!mine'"]),
    "itself as default": (b"a: 1\ndefaults: [mine]\n", ["line 2", "leads to itself"]),
    "itself by its group": (b"defaults: [/strategy: mine]\n", ["leads to itself"]),
    "a default that is no list": (b"defaults: 3\n", ["line 1", "must be a list"]),
    "a default that is no name": (b"defaults: [3]\n", ["line 1", "defaults holds 3"]),
    "a list": (b"- 1\n- 2\n", ["line 1", "not a list"]),
    "two documents": (b"a: 1\n---\nb: 2\n", ["line 2", "another document"]),
    "an open bracket": (b"rule: {f: 1\n", ["line 2", "'}'"]),
    "an alias of nothing": (b"a: 1\nrule: *x\n", ["line 2", "'x'"]),
    "half an interpolation": (b"a: 1\nrule: ${\n", ["line 2", "${"]),
    "null as a key": (b"a: 1\nnull: 3\n", ["line 2", "NoneType"]),
    "a set": (b"a: 1\nrule: !!set {b, c}\n", ["line 2", "'set'"]),
    "no text": (b"a: 1\n\xff\xfe", ["line 2", "UTF-8", "0xff"]),
    "a null byte": (b"a: 1\nb: \0\n", ["line 2", "0x0"]),
    "nested too deeply": (b"a: " + b"[" * 3000 + b"]" * 3000, ["too deeply"]),
    "an alias of itself": (b"rule: &r\n  x: *r\n", ["contains itself"]),
    "nothing": (b"# Mine.\n", ["strategy.rule is not set", "is empty"]),
    "a wrong key": (b"rule: {_target_: strategies.rules.Mean, g: 1}\n", ["rule.g"]),
}


def refusal(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    command = ["run", "strategy=mine", "--config-dir", str(folder), "--cfg", "job"]
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("fedrobust: ")
    assert str(folder / "strategy" / "mine.yaml") in err
    return err


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_with_its_line(name, tmp_path, capsys):
    content, words = BROKEN[name]
    (tmp_path / "strategy").mkdir()
    (tmp_path / "strategy" / "mine.yaml").write_bytes(content)
    told = refusal(tmp_path, capsys)
    for word in words:
        assert word in told


def test_two_files_that_name_each_other_are_found(tmp_path, capsys):
    (tmp_path / "strategy").mkdir()
    for name, other in (("mine", "its"), ("its", "mine")):
        text = f"# Mine.\ndefaults:\n  - {other}\n"
        (tmp_path / "strategy" / f"{name}.yaml").write_text(text)
    command = ["run", "strategy=mine", "--config-dir", str(tmp_path), "--cfg", "job"]
    assert main(command) == 2
    assert "its.yaml, line 2: its defaults list leads" in capsys.readouterr().err


@pytest.mark.parametrize("group", ["attack", "model", "partition", "runtime"])
def test_a_list_in_place_of_a_group_is_named(group, tmp_path, capsys):
    """Hydra composes it, if the groups that are chosen later do not mind."""
    (tmp_path / group).mkdir()
    (tmp_path / group / "mine.yaml").write_text("- fgsm\n- pgd\n")
    assert main(["run", "--dry-run", f"{group}=mine", f"--config-dir={tmp_path}"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert str(tmp_path / group / "mine.yaml") in err


def test_what_is_no_file_is_named(tmp_path, capsys):
    path = tmp_path / "strategy" / "mine.yaml"
    path.mkdir(parents=True)
    assert "is a folder" in refusal(tmp_path, capsys)
    path.rmdir()
    path.symlink_to(tmp_path / "nowhere")
    assert "a link to nothing" in refusal(tmp_path, capsys)


def test_a_broken_file_beside_a_mistake_in_the_command_is_not_blamed(tmp_path, capsys):
    (tmp_path / "strategy").mkdir()
    (tmp_path / "strategy" / "mine.yaml").write_text("- 1\n")
    assert main(["run", "strategy=kurm", "--config-dir", str(tmp_path)]) == 2
    assert "did you mean 'krum'" in capsys.readouterr().err


def test_choices_of_ones_own_are_listed(tmp_path, capsys):
    (tmp_path / "strategy").mkdir()
    (tmp_path / "strategy" / "mine.yaml").write_text("# The best one.\nrule: {}\n")
    assert main(["list", "strategy", "--config-dir", str(tmp_path)]) == 0
    listed = capsys.readouterr().out
    assert "The best one." in listed
    assert "Blanchard et al. 2017" in listed
    assert main(["list", f"--config-dir={tmp_path / 'nowhere'}"]) == 2
    assert "there is no such folder" in capsys.readouterr().err
