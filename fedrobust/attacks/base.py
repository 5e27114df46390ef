"""What every evasion attack is: a batch goes into a graph, and comes back in its ball.

An attack makes one or more *passes*: restarts, target classes. Later passes only see
the examples that still stand, and only replace those that they break.
"""

import warnings
from abc import ABC
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from fedrobust.attacks.ball import NORMS, Ball, into_ball
from fedrobust.attacks.subject import Images, Index, Labels, Subject
from fedrobust.epsilon import Epsilon, parse_epsilon
from fedrobust.network import BoundModel, Network, Tensor, network_of
from fedrobust.network.inference import BATCH
from fedrobust.randomness import Purpose
from strategies.threads import parallel_map
from strategies.validation import Validated, require, require_positive

Draws = tuple[NDArray[np.float32], ...]


@dataclass(frozen=True, kw_only=True)
class Attack(Validated, ABC):
    """An evasion attack.

    Parameters
    ----------
    epsilon
        Radius of the ball, in input units; ``"8/255"`` is understood.
    norm
        ``linf`` or ``l2``: how the radius is measured.
    model_range
        Smallest and largest value of an input.
    """

    epsilon: Epsilon = 0.3
    norm: str = "linf"
    model_range: tuple[float, float] = (0.0, 1.0)

    # The norms that the attack is defined for.
    norms: ClassVar[tuple[str, ...]] = NORMS
    # Whether it looks for the nearest adversarial example instead of the first in the
    # ball; then every pass sees every example.
    nearest: ClassVar[bool] = False
    # Whether it asks for outputs alone: what only such an attack breaks shows that the
    # gradients mislead.
    queries_only: ClassVar[bool] = False
    # The last element of the key of its draws.
    purpose: ClassVar[Purpose] = Purpose.ATTACK

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", parse_epsilon(self.epsilon))
        require(self.norm in self.norms, "norm", self.norm, " or ".join(self.norms))
        bounds = tuple(self.model_range)
        width = float(bounds[1]) - float(bounds[0])
        require(
            0 < width <= float(np.finfo(np.float32).max),
            "model_range",
            bounds,
            "(low, high), low < high, within float32",
        )
        object.__setattr__(self, "model_range", bounds)

    def perturb(
        self,
        model: BoundModel,
        x: Tensor,
        y: Tensor,
        ball: Ball,
        draws: tuple[Tensor, ...],
        attempt: Tensor,
    ) -> Tensor:
        """Perturb one batch, in a graph; the result is moved into the ball after.

        An attack that is no graph overrides ``on`` instead.

        Parameters
        ----------
        model
            ``model(x)`` gives logits in inference mode.
        x, y
            (batch, ...) inputs and (batch,) int32 labels.
        ball
            Where to stay.
        draws
            What ``draw`` gave for each example, stacked.
        attempt
            The number of this pass, a scalar int32.
        """
        raise NotImplementedError(f"{type(self).__name__} is no graph")

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Draws:
        """Draw what one pass over one example of this shape needs."""
        return ()

    def passes(self, num_classes: int) -> int:
        """Count the passes: restarts times target classes."""
        return 1

    def pass_name(self, attempt: int, num_classes: int) -> str:
        """Name a pass for people who watch."""
        name = type(self).__name__
        count = self.passes(num_classes)
        return name if count == 1 else f"{name} {attempt + 1}/{count}"

    @property
    def min_classes(self) -> int:
        """The fewest classes that the attack is defined for."""
        return 2

    def at(self, epsilon: Epsilon) -> Self:
        """Give the same attack at another epsilon."""
        return replace(self, epsilon=epsilon)

    def __call__(
        self,
        model: Any,
        x: Images,
        y: Labels,
        seed: int = 0,
        index: Index | None = None,
    ) -> Images:
        """Attack a Keras model in inference mode.

        Parameters
        ----------
        model
            A ``keras.Model`` that gives (n, classes) logits.
        x
            (n, ...) inputs in ``model_range``.
        y
            (n,) integer labels.
        seed, index
            Key of the random draws of each example; ``index`` defaults to its row.

        Returns
        -------
        (n, ...) float32
            Within epsilon of x and in ``model_range``, exactly; x itself at epsilon 0.

        Raises
        ------
        ValueError
            When shapes, labels or the range of x are wrong, or the model has fewer
            classes than the attack needs.
        """
        network = network_of(model, np.shape(x)[1:])
        return self.on(Subject(network, network.arrays(), x, y, index, seed))

    def on(self, subject: Subject) -> Images:
        """Attack a network with the weights at hand; see ``__call__``."""
        self.check(subject)
        x_adv = subject.x.copy()
        if len(x_adv) == 0 or self.epsilon == 0:
            return x_adv
        rows = np.arange(len(x_adv))
        best = np.full(len(x_adv), np.inf)
        count = self.passes(subject.network.num_classes)
        for attempt in range(count):
            seen = subject.only(rows)
            found = self._one_pass(seen, attempt)
            if count == 1:
                return found
            fooled = ~seen.right(found)
            far = distances(found, seen.x, self.norm)
            better = fooled & (far < best[rows])
            # The first pass is kept where none succeeds.
            taken = better | (attempt == 0)
            x_adv[rows[taken]] = found[taken]
            best[rows[better]] = far[better]
            rows = rows if self.nearest else rows[~fooled]
            if len(rows) == 0:
                break
        return x_adv

    def stages(self, subject: Subject) -> Iterator[tuple["Attack", Images]]:
        """Attack part by part: each part, and what it and those before it made."""
        yield self, self.on(subject)

    def _one_pass(self, subject: Subject, attempt: int) -> Images:
        """Run the graph on all examples, batch by batch."""
        network, x, keys = subject.network, subject.x, subject.keys
        run = network.compiled(self._graph_key(), self._compile)
        trainable, fixed = network.split(subject.arrays)
        epsilon = float(self.epsilon)
        name = self.pass_name(attempt, network.num_classes)

        def attack(start: int) -> Images:
            rows = np.arange(start, start + BATCH) % len(x)
            draws = [
                self.draw(self._generator(subject.seed, i, attempt), x.shape[1:])
                for i in keys[rows]
            ]
            x_adv = run(
                trainable,
                fixed,
                x[rows],
                subject.y[rows].astype(np.int32),
                np.float32(epsilon),
                np.int32(attempt),
                [np.stack(values) for values in zip(*draws, strict=True)],
            )
            inside = into_ball(
                np.asarray(x_adv), x[rows], epsilon, self.norm, self.model_range
            )
            if subject.watch is not None:
                subject.watch(name, epsilon, min(BATCH, len(x) - start), len(x))
            return inside[: len(x) - start]

        batches = parallel_map(attack, range(0, len(x), BATCH), subject.workers)
        return np.concatenate(batches)

    def _generator(self, seed: int, index: int, attempt: int) -> np.random.Generator:
        """Make the generator of one example in one pass."""
        return np.random.default_rng([seed, attempt, int(index), self.purpose])

    def _graph_key(self) -> Any:
        """Name what the graph depends on: all but what are its arguments."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("epsilon", "restarts"):
            values.pop(name, None)
        return type(self), tuple(values.items())

    def _compile(self, network: Network) -> Callable[..., Any]:
        low, high = self.model_range

        def run(
            trainable: Any,
            fixed: Any,
            x: Tensor,
            y: Tensor,
            epsilon: Tensor,
            attempt: Tensor,
            draws: list[Tensor],
        ) -> Tensor:
            ball = Ball(x, epsilon, self.norm, low, high)
            model = BoundModel(network, trainable, fixed)
            return self.perturb(model, x, y, ball, tuple(draws), attempt)

        compiled: Callable[..., Any] = network.function(run)
        return compiled

    def check(self, subject: Subject) -> None:
        """Raise ValueError when the examples do not fit the model or the attack."""
        network, x, y, index = subject.network, subject.x, subject.y, subject.keys
        if y.shape != (len(x),) or not np.issubdtype(y.dtype, np.integer):
            raise ValueError(
                f"labels must be ({len(x)},) integers, not {y.shape} {y.dtype}"
            )
        if index.shape != (len(x),):
            raise ValueError(f"index must be ({len(x)},), not {index.shape}")
        self.check_task(x.shape[1:], network.num_classes)
        if len(y) and not (y.min() >= 0 and y.max() < network.num_classes):
            raise ValueError(
                f"labels are in [{y.min()}, {y.max()}], and the model has "
                f"{network.num_classes} classes, from 0"
            )
        low, high = self.model_range
        if len(x) and not (x.min() >= low and x.max() <= high):
            raise ValueError(
                f"inputs are in [{x.min()}, {x.max()}], outside of "
                f"model_range=({low}, {high})"
            )

    def check_task(self, shape: tuple[int, ...], num_classes: int) -> None:
        """Raise ValueError for inputs or a number of classes it is undefined for."""
        if num_classes == 1:
            raise ValueError(
                "the model gives one unit: attacks need a logit for each class, so let "
                "it give two, such as (0, z)"
            )
        if num_classes < self.min_classes:
            instead = ["apgd_ce", *["apgd_dlr"][: num_classes - 2], "fab", "square"]
            raise ValueError(
                f"{self!r} needs at least {self.min_classes} classes and the model has "
                f"{num_classes}: use attack=[{','.join(instead)}] instead"
            )


def check_step_size(step_size: float | None, steps: int, epsilon: Epsilon) -> None:
    """Refuse a step that is not positive; warn of steps that cannot cross the ball."""
    if step_size is None:
        return
    require_positive("step_size", step_size)
    if step_size * steps < float(epsilon):
        warnings.warn(
            f"{steps} steps of step_size={step_size} cannot cross a ball of "
            f"epsilon={epsilon}: robust accuracy would be too high; use "
            "step_size=None or more steps",
            stacklevel=4,
        )


def distances(x_adv: Images, x: Images, norm: str) -> NDArray[np.float64]:
    """Measure how far examples were moved."""
    offset = (x_adv.astype(np.float64) - x.astype(np.float64)).reshape(len(x), -1)
    return np.asarray(np.linalg.norm(offset, np.inf if norm == "linf" else 2, axis=1))
