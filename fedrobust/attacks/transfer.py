"""Transfer: examples made on another model, by somebody who does not know this one.

    x' = attack(surrogate, x, y)

Papernot, McDaniel, Goodfellow: Transferability in Machine Learning: from Phenomena to
Black-Box Attacks using Adversarial Samples, 2016, arXiv:1605.07277.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from fedrobust.attacks.base import Attack
from fedrobust.attacks.pgd import PGD
from fedrobust.attacks.subject import Images, Subject
from fedrobust.network import Network, network_of
from fedrobust.network.classifier import load_model
from fedrobust.network.inference import logits_of
from fedrobust.network.outputs import kind_of
from strategies.validation import require


@dataclass(frozen=True, kw_only=True)
class Transfer(Attack):
    """Attack a surrogate, and show what comes out to the model.

    Parameters
    ----------
    surrogate
        A ``keras.Model`` that gives logits of the same classes, or the path of a file
        of one.
    attack
        What attacks the surrogate; the ball and the range are those of the transfer,
        whatever it says itself.
    """

    surrogate: Any
    attack: Attack = field(default_factory=PGD)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            not isinstance(self.surrogate, str) or Path(self.surrogate).exists(),
            "surrogate",
            self.surrogate,
            "the path of a Keras model file",
        )
        require(isinstance(self.attack, Attack), "attack", self.attack, "an attack")
        # Refuses a norm that the attack is not defined for.
        self._in_this_ball()

    def _in_this_ball(self) -> Attack:
        return replace(
            self.attack,
            epsilon=self.epsilon,
            norm=self.norm,
            model_range=self.model_range,
        )

    @property
    def min_classes(self) -> int:
        """The fewest classes that the attack on the surrogate is defined for."""
        return self.attack.min_classes

    def on(self, subject: Subject) -> Images:
        """Attack the surrogate; the network is never asked.

        Raises
        ------
        ValueError
            Also when the surrogate cannot be read, gives no logits, or has other inputs
            or classes.
        """
        self.check(subject)
        surrogate = self._network(subject.x.shape[1:])
        seen = replace(subject, network=surrogate, arrays=surrogate.arrays())
        _require_logits(seen)
        return self._in_this_ball().on(seen)

    def check_task(self, shape: tuple[int, ...], num_classes: int) -> None:
        """Raise ValueError also where the surrogate is a model of another task."""
        super().check_task(shape, num_classes)
        _require_fit(self._network(shape), shape, num_classes)

    def _network(self, shape: tuple[int, ...]) -> Network:
        if not isinstance(self.surrogate, str | Path):
            return network_of(self.surrogate, shape)
        return network_of(_load(Path(self.surrogate).absolute()), shape)


@lru_cache(maxsize=4)
def _load(path: Path) -> Any:
    """Read a file once: each epsilon and round asks for it again."""
    return load_model(path)


def _require_logits(subject: Subject) -> None:
    """Raise ValueError where losses of logits would be climbed on something else."""
    network = subject.network
    outputs = logits_of(network, subject.arrays, subject.x[:64], subject.workers)
    kind = kind_of(outputs, network.model.outputs[0].dtype)
    if kind != "logits":
        raise ValueError(
            f"the surrogate gives {kind}, on which attacks are weak: leave out its "
            "last activation"
        )


def _require_fit(surrogate: Network, shape: tuple[int, ...], num_classes: int) -> None:
    """Raise ValueError when the surrogate is a model of another task."""
    taken = tuple(surrogate.model.input_shape[1:])
    fits = len(taken) == len(shape) and all(
        a in (None, b) for a, b in zip(taken, shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"the surrogate takes inputs of shape {taken}, and these are {shape}"
        )
    if surrogate.num_classes != num_classes:
        raise ValueError(
            f"the surrogate has {surrogate.num_classes} classes, and the model has "
            f"{num_classes}"
        )
