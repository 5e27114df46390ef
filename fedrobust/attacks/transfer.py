"""Transfer: adversarial examples of a surrogate model, without access to the model.

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
from fedrobust.files import file_digest
from fedrobust.network import Network, network_of
from fedrobust.network.classifier import load_model
from fedrobust.network.inference import logits_of
from fedrobust.network.outputs import kind_of
from strategies.validation import require


@dataclass(frozen=True, kw_only=True)
class Transfer(Attack):
    """Attack a surrogate, and use the result against the model.

    Parameters
    ----------
    surrogate
        A ``keras.Model`` that returns logits of the same classes, or the path of a file
        with such a model.
    attack
        The attack on the surrogate. Its epsilon, norm and range are replaced by those
        of the transfer.
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
        # This raises for a norm that the inner attack does not support.
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
        """The smallest number of classes for which the inner attack is defined."""
        return self.attack.min_classes

    def on(self, subject: Subject) -> Images:
        """Attack the surrogate; the network itself is never queried.

        Raises
        ------
        ValueError
            Also when the surrogate cannot be read, does not return logits, or has other
            inputs or classes than the network.
        """
        self.check(subject)
        surrogate = self._network(subject.x.shape[1:])
        stand_in = replace(subject, network=surrogate, arrays=surrogate.arrays())
        _require_logits(stand_in)
        return self._in_this_ball().on(stand_in)

    def check_task(self, shape: tuple[int, ...], num_classes: int) -> None:
        """Raise ValueError also if the surrogate has other inputs or classes."""
        super().check_task(shape, num_classes)
        _require_fit(self._network(shape), shape, num_classes)

    def _network(self, shape: tuple[int, ...]) -> Network:
        if not isinstance(self.surrogate, str | Path):
            return network_of(self.surrogate, shape)
        path = Path(self.surrogate).absolute()
        content = file_digest(path) if path.exists() else ""
        return network_of(_load(path, content), shape)


@lru_cache(maxsize=4)
def _load(path: Path, content: str) -> Any:
    """Load a model file; cached, because every epsilon and round needs it.

    ``content`` is the digest of the file, so that another model under the same path is
    loaded anew.
    """
    return load_model(path)


def _require_logits(subject: Subject) -> None:
    """Raise ValueError if the surrogate's outputs are not logits."""
    network = subject.network
    outputs = logits_of(network, subject.arrays, subject.x[:64], subject.workers)
    kind = kind_of(outputs, network.model.outputs[0].dtype)
    if kind != "logits":
        raise ValueError(
            f"the surrogate gives {kind}, on which attacks are weak: remove its last "
            "activation"
        )


def _require_fit(surrogate: Network, shape: tuple[int, ...], num_classes: int) -> None:
    """Raise ValueError if the surrogate has other inputs or classes."""
    taken = tuple(surrogate.model.input_shape[1:])
    fits = len(taken) == len(shape) and all(
        a in (None, b) for a, b in zip(taken, shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"the surrogate takes inputs of shape {taken}, but the inputs are {shape}"
        )
    if surrogate.num_classes != num_classes:
        raise ValueError(
            f"the surrogate has {surrogate.num_classes} classes, but the model has "
            f"{num_classes}"
        )
