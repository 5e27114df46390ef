"""What every evasion attack is, and the loop that gradient attacks share."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fedrobust.backend import parallel_map, tf
from fedrobust.epsilon import Epsilon, parse_epsilon
from fedrobust.network import BoundModel, Network, Tensor, cross_entropy, network_of
from fedrobust.randomness import Purpose
from strategies.parameters import require

# Every compiled batch has this size, whatever the number of examples: kernels, and
# with them the last bits, depend on the size of a batch.
BATCH = 128

Images = NDArray[np.float32]
Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """An evasion attack in the L-infinity ball.

    Parameters
    ----------
    epsilon
        Radius of the ball, in input units; ``"8/255"`` is understood.
    model_range
        Smallest and largest value of an input.
    """

    epsilon: Epsilon = 0.3
    model_range: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", parse_epsilon(self.epsilon))
        bounds = tuple(self.model_range)
        require(
            len(bounds) == 2 and bounds[0] < bounds[1],
            "model_range",
            bounds,
            "(low, high), low < high",
        )
        object.__setattr__(self, "model_range", bounds)

    @abstractmethod
    def perturb(
        self, model: BoundModel, x: Tensor, y: Tensor, ball: "Ball", seeds: Tensor
    ) -> Tensor:
        """Perturb one batch, in a graph; the result is clipped to the ball after.

        ``seeds`` is (batch, 2) int32, a key for each example.
        """

    def at(self, epsilon: Epsilon) -> Self:
        """Give the same attack at another epsilon."""
        return replace(self, epsilon=epsilon)

    def __call__(
        self,
        model: Any,
        x: Images,
        y: Labels,
        seed: int = 0,
        index: NDArray[np.integer[Any]] | None = None,
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
            When shapes, labels or the range of x are wrong.
        """
        network = network_of(model)
        return self.on_network(network, network.arrays(), x, y, seed=seed, index=index)

    def on_network(
        self,
        network: Network,
        arrays: dict[str, NDArray[Any]],
        x: Images,
        y: Labels,
        *,
        seed: int = 0,
        index: NDArray[np.integer[Any]] | None = None,
        workers: int | None = 1,
    ) -> Images:
        """Attack a network with the given weights; see ``__call__``."""
        x = np.asarray(x, np.float32)
        y = np.asarray(y)
        index = np.arange(len(x)) if index is None else np.asarray(index)
        self._check(x, y, index)
        if len(x) == 0 or self.epsilon == 0:
            return x.copy()
        run = network.compiled(self._graph_key(), self._compile)
        trainable, fixed = network.split(arrays)
        lower, upper = ball_bounds(x, float(self.epsilon), self.model_range)

        def attack(start: int) -> Images:
            rows = np.arange(start, start + BATCH) % len(x)
            seeds = example_seeds(seed, index[rows])
            adversarial = run(
                trainable,
                fixed,
                x[rows],
                y[rows].astype(np.int32),
                lower[rows],
                upper[rows],
                np.float32(self.epsilon),
                seeds,
            )
            return np.asarray(adversarial)[: len(x) - start]

        batches = parallel_map(attack, range(0, len(x), BATCH), workers)
        return np.concatenate(batches)

    def _graph_key(self) -> Any:
        """Name what the graph depends on: all but epsilon, which is an argument."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        del values["epsilon"]
        return type(self), tuple(values.items())

    def _compile(self, network: Network) -> Callable[..., Any]:
        def run(
            trainable: Any,
            fixed: Any,
            x: Tensor,
            y: Tensor,
            lower: Tensor,
            upper: Tensor,
            epsilon: Tensor,
            seeds: Tensor,
        ) -> Tensor:
            ball = Ball(lower, upper, epsilon)
            model = BoundModel(network, trainable, fixed)
            return ball.project(self.perturb(model, x, y, ball, seeds))

        compiled: Callable[..., Any] = tf.function(run, autograph=False)
        return compiled

    def _check(self, x: Images, y: Labels, index: NDArray[np.integer[Any]]) -> None:
        if y.shape != (len(x),) or not np.issubdtype(y.dtype, np.integer):
            raise ValueError(
                f"labels must be ({len(x)},) integers, not {y.shape} {y.dtype}"
            )
        if index.shape != (len(x),):
            raise ValueError(f"index must be ({len(x)},), not {index.shape}")
        low, high = self.model_range
        if len(x) and not (x.min() >= low and x.max() <= high):
            raise ValueError(
                f"inputs are in [{x.min()}, {x.max()}], outside of "
                f"model_range=({low}, {high})"
            )


@dataclass(frozen=True)
class Ball:
    """The inputs within epsilon of x and in the model's range, as bounds a value."""

    lower: Tensor
    upper: Tensor
    epsilon: Tensor

    def project(self, x: Tensor) -> Tensor:
        """Clip to the ball."""
        return tf.clip_by_value(x, self.lower, self.upper)

    @classmethod
    def around(
        cls, x: Tensor, epsilon: Tensor, model_range: tuple[float, float]
    ) -> "Ball":
        """Make the ball in a graph, where float32 rounding is good enough."""
        low, high = model_range
        return cls(tf.maximum(x - epsilon, low), tf.minimum(x + epsilon, high), epsilon)


def ball_bounds(
    x: Images, epsilon: float, model_range: tuple[float, float]
) -> tuple[Images, Images]:
    """Bound the ball in float32 values that lie within it in exact arithmetic."""
    wide = x.astype(np.float64)
    lower = (wide - epsilon).astype(np.float32)
    upper = (wide + epsilon).astype(np.float32)
    lower = np.where(lower < wide - epsilon, np.nextafter(lower, x), lower)
    upper = np.where(upper > wide + epsilon, np.nextafter(upper, x), upper)
    low, high = np.float32(model_range[0]), np.float32(model_range[1])
    return np.maximum(lower, low), np.minimum(upper, high)


def example_seeds(seed: int, index: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """Make the (n, 2) int32 keys of examples: a draw for the run, and their index."""
    rng = np.random.default_rng([seed, Purpose.ATTACK])
    first = rng.integers(np.iinfo(np.int32).max, dtype=np.int32)
    column = np.full(len(index), first, np.int32)
    return np.stack([column, index.astype(np.int32)], axis=1)


def uniform_each(seeds: Tensor, shape: Any) -> Tensor:
    """Draw from [-1, 1) for each example by its own key: (batch, *shape)."""
    return tf.map_fn(
        lambda seed: tf.random.stateless_uniform(shape, seed, -1.0, 1.0),
        seeds,
        fn_output_signature=tf.float32,
    )


def input_gradient(model: BoundModel, x: Tensor, y: Tensor) -> Tensor:
    """Differentiate the summed cross-entropy by the inputs."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(cross_entropy(y, model(x)))
    return tape.gradient(loss, x)


def ascend_signs(
    model: BoundModel, x: Tensor, y: Tensor, ball: Ball, step_size: Tensor, steps: int
) -> Tensor:
    """Climb the loss by signed gradient steps, clipped to the ball after each."""

    def step(i: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        gradient = input_gradient(model, x, y)
        # The sign of nan is nan, which no projection mends.
        signs = tf.where(tf.math.is_finite(gradient), tf.sign(gradient), 0.0)
        return i + 1, ball.project(x + step_size * signs)

    _, x = tf.while_loop(lambda i, x: i < steps, step, (0, x))
    return tf.stop_gradient(x)
