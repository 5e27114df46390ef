"""The base class of evasion attacks: a compiled graph perturbs each batch in its ball.

An attack makes one or more *passes*, such as restarts or target classes. Later passes
see only the examples that are still robust, and replace only those that they break.
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
        Radius of the ball, in input units; fractions such as ``"8/255"`` are accepted.
    norm
        Norm that measures the radius, ``linf`` or ``l2``.
    model_range
        Smallest and largest value of an input.
    """

    # Raise it when a default or a result changes, so that no old result is reused.
    version: ClassVar[int] = 1

    epsilon: Epsilon = 0.3
    norm: str = "linf"
    model_range: tuple[float, float] = (0.0, 1.0)

    # Norms for which the attack is defined.
    norms: ClassVar[tuple[str, ...]] = NORMS
    # Whether it searches for the nearest adversarial example, not just any in the ball;
    # if so, every pass sees every example.
    nearest: ClassVar[bool] = False
    # Whether it uses only outputs of the model. An example that only such an attack
    # breaks shows that the gradients are misleading.
    queries_only: ClassVar[bool] = False
    # The last element of the key of its random draws.
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
        """Perturb one batch inside a graph; the result is then moved into the ball.

        An attack that cannot be written as a graph overrides ``on`` instead.

        Parameters
        ----------
        model
            ``model(x)`` returns logits in inference mode.
        x, y
            (batch, ...) inputs and (batch,) int32 labels.
        ball
            The allowed inputs.
        draws
            The results of ``draw`` for each example, stacked.
        attempt
            Number of this pass from 0, a scalar int32.

        Returns
        -------
        (batch, ...) perturbed inputs
        """
        raise NotImplementedError(f"{type(self).__name__} does not define perturb")

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Draws:
        """Draw the random numbers of one pass over one example of this shape."""
        return ()

    def passes(self, num_classes: int) -> int:
        """Return the number of passes."""
        return 1

    def pass_name(self, attempt: int, num_classes: int) -> str:
        """Return the name of a pass for the progress display."""
        name = type(self).__name__
        count = self.passes(num_classes)
        return name if count == 1 else f"{name} {attempt + 1}/{count}"

    @property
    def min_classes(self) -> int:
        """The smallest number of classes for which the attack is defined."""
        return 2

    def at(self, epsilon: Epsilon) -> Self:
        """Return the same attack at another epsilon."""
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
            A ``keras.Model`` that returns (n, classes) logits.
        x
            (n, ...) inputs in ``model_range``.
        y
            (n,) integer labels.
        seed, index
            Key of the random draws of each example; ``index`` is (n,) and defaults to
            the row numbers.

        Returns
        -------
        (n, ...) float32
            Inputs exactly within epsilon of x and within ``model_range``; x itself if
            epsilon is 0.

        Raises
        ------
        ValueError
            When shapes, labels or the range of x are wrong, or the model has fewer
            classes than the attack needs.
        """
        network = network_of(model, np.shape(x)[1:])
        return self.on(Subject(network, network.arrays(), x, y, index, seed))

    def on(self, subject: Subject) -> Images:
        """Attack a subject; as ``__call__`` for a network with given weights."""
        self.check(subject)
        x_adv = subject.x.copy()
        if len(x_adv) == 0 or self.epsilon == 0:
            return x_adv
        rows = np.arange(len(x_adv))
        best = np.full(len(x_adv), np.inf)
        count = self.passes(subject.network.num_classes)
        for attempt in range(count):
            standing = subject.only(rows)
            attacked = self._one_pass(standing, attempt)
            if count == 1:
                return attacked
            fooled = ~standing.is_correct(attacked)
            far = distances(attacked, standing.x, self.norm)
            better = fooled & (far < best[rows])
            # If no pass fools an example, the result of the first pass is kept.
            taken = better | (attempt == 0)
            x_adv[rows[taken]] = attacked[taken]
            best[rows[better]] = far[better]
            rows = rows if self.nearest else rows[~fooled]
            if len(rows) == 0:
                break
        return x_adv

    def stages(self, subject: Subject) -> Iterator[tuple["Attack", Images]]:
        """Attack part by part; yield each part with the examples made so far."""
        yield self, self.on(subject)

    def _one_pass(self, subject: Subject, attempt: int) -> Images:
        """Run the graph on all examples, in batches of one constant size."""
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
        """Return the generator of one example in one pass."""
        return np.random.default_rng([seed, attempt, int(index), self.purpose])

    def _graph_key(self) -> Any:
        """Return all that the compiled graph depends on, apart from its arguments."""
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
        """Raise ValueError when the examples fit neither the model nor the attack."""
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
        """Raise ValueError if the attack is undefined for such inputs or classes."""
        if num_classes == 1:
            raise ValueError(
                "the model has one output: attacks need a logit for each class, so let "
                "it return two, such as (0, z)"
            )
        if num_classes < self.min_classes:
            instead = ["apgd_ce", *["apgd_dlr"][: num_classes - 2], "fab", "square"]
            raise ValueError(
                f"{self!r} needs at least {self.min_classes} classes and the model has "
                f"{num_classes}: use attack=[{','.join(instead)}] instead"
            )


def check_step_size(step_size: float | None, steps: int, epsilon: Epsilon) -> None:
    """Refuse a step that is not positive; warn if all steps cannot cross the ball."""
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
    """Return the (n,) distances between examples and their perturbed versions."""
    offset = (x_adv.astype(np.float64) - x.astype(np.float64)).reshape(len(x), -1)
    return np.asarray(np.linalg.norm(offset, np.inf if norm == "linf" else 2, axis=1))
