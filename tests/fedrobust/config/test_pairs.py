"""What depends on several keys or components."""

import pytest

from fedrobust.errors import ConfigError


def test_one_worst_case_has_one_norm(configure):
    both = ["attack=[fgsm,pgd]", "attack.epsilon=0.5"]
    with pytest.raises(
        ConfigError, match=r"methods\.fgsm\.norm=l2: must be attack\.norm"
    ):
        configure(*both, "attack.methods.fgsm.norm=l2")
    methods = configure(*both, "attack.norm=l2").attack.methods
    assert {node["norm"] for node in methods.values()} == {"l2"}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["training=scaffold", "training.momentum=0.9"], "only one correction"),
        (["training=scaffold", "training.proximal=1"], "only one correction"),
        (
            ["training=scaffold", "training.optimizer._target_=keras.optimizers.Adam"],
            "training.optimizer",
        ),
        (["training=scaffold", "+training.optimizer.momentum=0.9"], "momentum"),
        (["training=scaffold", "centralised=true"], "training.scaffold=True"),
        (["training.fraction=1.5"], "training.fraction=1.5"),
        (["training.fraction=-0.1"], "training.fraction=-0.1"),
        (["training.proximal=-1"], "training.proximal=-1"),
        (["training.epochs_decay=0"], "training.epochs_decay=0"),
        (
            ["training=feddynat", "training.local_steps=3"],
            "must be 1 if local_steps is set",
        ),
        (["training=fedrbn", "model.norm=none"], "model.norm=none: must be dual"),
        (["training=fedrbn", "training.fraction=0"], "must be trained by some"),
        (["training=fedrbn", "model=resnet"], "model.norm: there is no such key"),
        (["model=cnn", "model.norm=dual"], "model.norm=dual"),
        (["model=cnn", "model.norm=instance"], "none, batch, dual, group, layer"),
        (["training=free", "training.objective.replays=1"], "replays=1"),
        (["training=calfat", "training.objective.variant=x"], "paper or code"),
    ],
)
def test_what_does_not_go_together_is_refused(configure, overrides, message):
    with pytest.raises(ConfigError, match=message):
        configure(*overrides)
