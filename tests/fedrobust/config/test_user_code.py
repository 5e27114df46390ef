"""The code that runs is the code that the digest names."""

import sys
from pathlib import Path

import pytest

from fedrobust.assembly.cache import component_of
from fedrobust.config import user_code
from fedrobust.errors import ConfigError

CODE = "from strategies.rules import Median\n\n\nclass Mine(Median):\n    scale = {}\n"


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A module of a user's own, which is forgotten afterwards, and what it needs."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(user_code, "_imported", {})
    monkeypatch.setattr(user_code, "_digested", {})
    yield tmp_path / "edited_of_mine.py"
    for name in ("edited_of_mine", "helper_of_mine"):
        sys.modules.pop(name, None)


NODE = {"_target_": "edited_of_mine.Mine"}
OWN = ("strategy=median", f"strategy.rule={{_target_:{NODE['_target_']}}}")


def test_a_module_may_be_edited_before_it_is_imported(configure, mine):
    mine.write_text(CODE.format(1))
    first = configure(*OWN).digest
    mine.write_text(CODE.format(22))
    assert configure(*OWN).digest != first
    assert component_of(NODE, "strategy.rule").scale == 22


def test_a_module_that_was_edited_after_its_import_is_refused(configure, mine):
    mine.write_text(CODE.format(1))
    first = configure(*OWN)
    assert first.digest
    assert component_of(NODE, "strategy.rule").scale == 1
    mine.write_text("# A comment is no edit.\n" + CODE.format(1))
    assert configure(*OWN).digest == first.digest
    mine.write_text(CODE.format(22))
    with pytest.raises(ConfigError) as caught:
        configure(*OWN)
    assert str(caught.value) == (
        f"strategy.rule._target_=edited_of_mine.Mine: {mine} was edited after Python "
        "imported it: start a new process (in a notebook, restart the kernel)"
    )
    # The run that was checked before goes on with the code that its digest names.
    assert component_of(NODE, "strategy.rule").scale == 1
    mine.write_text(CODE.format(1))
    assert configure(*OWN).digest == first.digest


def test_an_edit_of_what_a_module_imports_is_refused_too(configure, mine):
    helper = mine.with_name("helper_of_mine.py")
    helper.write_text("SCALE = 1\n")
    mine.write_text("from helper_of_mine import SCALE\n" + CODE.format("SCALE"))
    configure(*OWN)
    component_of(NODE, "strategy.rule")
    helper.write_text("SCALE = 22\n")
    with pytest.raises(ConfigError, match=r"helper_of_mine\.py was edited after"):
        configure(*OWN)


def test_a_module_within_an_optimizer_is_refused_too(configure, mine):
    """A user's schedule stands within a node of Keras."""
    mine.write_text(CODE.format(1))
    component_of({"_target_": "builtins.dict", "of": [NODE]}, "model")
    mine.write_text(CODE.format(22))
    rate = "training.optimizer.learning_rate={_target_:edited_of_mine.Mine}"
    with pytest.raises(ConfigError, match=r"learning_rate\._target_=edited_of_mine"):
        configure(rate)


def test_a_module_edited_between_its_digest_and_its_import_is_refused_once(
    configure, mine
):
    mine.write_text(CODE.format(1))
    first = configure(*OWN).digest
    mine.write_text(CODE.format(22))
    with pytest.raises(ConfigError, match="edited after the configuration was checked"):
        component_of(NODE, "strategy.rule")
    assert configure(*OWN).digest != first
    assert component_of(NODE, "strategy.rule").scale == 22


def test_a_module_that_failed_to_import_may_be_corrected(configure, mine):
    mine.write_text("1 / 0\n" + CODE.format(1))
    configure(*OWN)
    with pytest.raises(ConfigError, match="cannot make"):
        component_of(NODE, "strategy.rule")
    mine.write_text(CODE.format(22))
    configure(*OWN)
    assert component_of(NODE, "strategy.rule").scale == 22
