"""Check that local training can be private by example, as ``privacy=dp_sgd`` wants."""

from fedrobust.config.components import check_component
from fedrobust.config.keys import require
from fedrobust.config.schema import Config
from fedrobust.training.objective import Objective


def check_private_training(config: Config) -> None:
    """Refuse local training of which clipping single gradients bounds nothing.

    A user's own objective and model are checked by numbers before round 1.
    """
    training = config.training
    _, objective = check_component(training.objective, "training.objective", Objective)
    require(
        not isinstance(objective, Objective) or objective.separate,
        "training.objective",
        objective,
        "an objective that treats each example by itself with privacy=dp_sgd, such as "
        "those of training=standard, noise, pgd, fast, trades, mart and alp: here the "
        "batch or the place in it matters too, so clipping bounds nothing",
    )
    require(
        training.shuffle,
        "training.shuffle",
        False,
        "true with privacy=dp_sgd, which draws a random batch in each step",
    )
    scale = training.optimizer.get("loss_scale_factor")
    require(
        scale is None,
        "training.optimizer.loss_scale_factor",
        scale,
        "left out with privacy=dp_sgd, whose gradients are clipped unscaled",
    )
