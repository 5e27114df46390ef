"""Client-level differential privacy: DP-FedAvg with a fixed clipping norm.

    (sum_i u_i min(1, C / |u_i|) + N(0, (z C)^2 I)) / m

McMahan, Ramage, Talwar, Zhang: Learning Differentially Private Recurrent Language
Models, ICLR 2018, Algorithm 1 with equal weights and the estimator of a fixed
denominator: m is the number of clients that are expected in a round, not of those that
replied. Adding or removing a client moves the sum by at most C, and replacing one by at
most 2 C, so the noise multiplier is z, or z / 2 for the relation "replace one".

What is claimed rests on the plain mean: behind another rule, or after pre-aggregators,
the noise is the same, and no bound follows from it. Flower's wrappers divide by the
number of replies instead, so that the sensitivity depends on who failed.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from strategies.linalg.rows import Float, Matrix, Vector
from strategies.postprocessors.base import (
    Bounded,
    Postprocessed,
    Postprocessor,
    PostprocessorContext,
)
from strategies.postprocessors.gaussian import add_noise, clip_rows
from strategies.randomness import Draw, server_generator
from strategies.validation import require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class ClientDP(Postprocessor):
    """Clip each update, and add Gaussian noise to the sum of them.

    Use it with ``Mean()``, whose weights are equal. An update that is missing counts
    as zero, and so does a client that was not sampled; a round without any update
    releases noise alone. An update of zeros stays zero. Arrays of integers are not part
    of an update, and the global model keeps its own.

    The figures of a round are not protected by the noise: they are for the record of
    whoever runs the experiment, and must not be published with the model.

    Parameters
    ----------
    clip
        C, the largest Euclidean norm of an update, above 0.
    noise_multiplier
        z, the standard deviation of the noise on the sum in units of ``clip``, at least
        0; without noise nothing is private.
    expected_clients
        m, the number of clients that a round is expected to sample, above 0; it is
        public. With Poisson sampling it is the probability times all clients.
    seed
        Key of the noise, together with the round, for runs that are to be repeated.
        Whoever knows it can subtract the noise, and two runs with one seed have the
        same noise, which their difference lacks. None draws from the operating system.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    is_private: ClassVar[bool] = True

    clip: float
    noise_multiplier: float
    expected_clients: float
    # Not in the repr, which strategies and records print.
    seed: int | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        require_positive("clip", self.clip)
        require_between("noise_multiplier", self.noise_multiplier, 0)
        require_positive("expected_clients", self.expected_clients)
        if self.seed is not None:
            require_between("seed", self.seed, 0)

    def bound(self, updates: Matrix, state: Any) -> Bounded:
        """Clip the updates; their lengths are kept for the figures of the round."""
        return Bounded(*clip_rows(updates, self.clip))

    def postprocess(
        self, vector: Vector, state: Any, context: PostprocessorContext
    ) -> Postprocessed:
        """Divide the sum by the expected clients, and add noise."""
        found, figures = self.release(vector, self.clip, self.noise_multiplier, context)
        return Postprocessed(found, state, figures)

    def release(
        self,
        vector: Vector,
        clip: float,
        noise_multiplier: float,
        context: PostprocessorContext,
    ) -> tuple[Vector, dict[str, float]]:
        """Return the noised vector of a round, and the figures of the round.

        Parameters
        ----------
        vector
            (d,) what the rule returned for the clipped updates.
        clip
            The norm that they were clipped to.
        noise_multiplier
            Standard deviation of the noise on the sum in units of ``clip``.
        context
            What else is known of the round.
        """
        expected = self.expected_clients
        total = vector.astype(np.float64) * (len(context.clients) / expected)
        std = noise_multiplier * clip / expected
        noised = add_noise(total, std, self.generator(Draw.CLIENT_NOISE, context))
        return noised, {**_figures(context, clip), "noise_std": std}

    def generator(
        self, draw: Draw, context: PostprocessorContext
    ) -> np.random.Generator:
        """Return the generator of a draw in a round."""
        if self.seed is None:
            return np.random.default_rng()
        return server_generator(self.seed, draw, context.round)


def lengths_of(context: PostprocessorContext) -> Float:
    """Return the (n,) lengths of the updates before they were clipped."""
    return np.empty(0) if context.seen is None else np.asarray(context.seen)


def _figures(context: PostprocessorContext, clip: float) -> dict[str, float]:
    """Describe the lengths of the updates; without updates there is only the norm."""
    lengths = lengths_of(context)
    figures = {"clip": clip}
    if len(lengths):
        figures["share_clipped"] = float(np.mean(lengths > clip))
        figures["median_norm"] = float(np.median(lengths))
    return figures
