"""What local training may do under privacy=dp_sgd."""

import pytest

from fedrobust.errors import ConfigError

MIXING = [
    ("calfat", "CalFAT"),
    ("fat", r"PGDTraining\(.*clean_share=0\.5"),
    ("avmixup", "AVMixup"),
    ("dbfat", "DBFAT"),
    ("free", "FreeTraining"),
]


@pytest.mark.parametrize(("training", "name"), MIXING)
def test_an_objective_that_mixes_examples_is_refused_by_name(configure, training, name):
    with pytest.raises(ConfigError, match=rf"objective={name}.*each example by itself"):
        configure("privacy=dp_sgd", f"training={training}")


@pytest.mark.parametrize(
    "training", ["standard", "noise", "pgd", "fast", "trades", "mart", "alp"]
)
def test_an_objective_of_single_examples_is_not(configure, training):
    found = configure("privacy=dp_sgd", f"training={training}")
    assert found.choices["training"] == training


def test_a_parameter_that_separates_the_examples_is_enough(configure):
    for override in ("training=fat training.objective.clean_share=0",
                     "training=dbfat training.objective.alpha=0"):  # fmt: skip
        configure("privacy=dp_sgd", *override.split())


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.shuffle=false", r"training\.shuffle=False: must be true"),
        ("+training.optimizer.loss_scale_factor=2", "factor=2: must be left out"),
        ("strategy=sfat", r"strategy\.rule=SFAT: must be a rule that needs no losses"),
    ],
)
def test_other_settings_that_clipping_does_not_cover_are_refused(
    configure, override, message
):
    with pytest.raises(ConfigError, match=message):
        configure("privacy=dp_sgd", override)
    configure(override)
