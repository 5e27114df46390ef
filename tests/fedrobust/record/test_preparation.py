"""What may fail is made before the first round."""

import pytest

from fedrobust.errors import ConfigError
from fedrobust.one_run import run
from tests.fedrobust.runs import SMALL, Configure


def test_what_cannot_be_made_is_told_before_round_one(configure: Configure, tmp_path):
    for override, message in [
        ("+model._args_=[1]", "model"),
        ("+training.optimizer.lerning_rate=1", "lerning_rate"),
        ("+training.optimizer.clipvalue=[1]", "clipvalue=.*: must be a number above"),
        ("model._target_=keras.layers.Dense", "model"),
    ]:
        with pytest.raises(ConfigError, match=message):
            run(configure(*SMALL, override), tmp_path / "r")
        assert not (tmp_path / "r").exists()
