"""LASA: clip, then average in each layer the updates of typical size and direction.

    1. x_i <- x_i min(1, M / |x_i|),  M = median of the lengths
    2. s_i = x_i with its smallest values, a share ``sparsity``, set to zero
    3. for each layer l:  norm_i = |s_il|
       purity_i = (1 + sum sign(s_il) / sum |sign(s_il)|) / 2
       keep the updates with |z| below norm_bound and sign_bound, where
       z_i = (value_i - median) / standard deviation
       agg_l = mean of x_il over the kept updates; over all if none is kept

Xu, Zhang, Hu: Achieving Byzantine-Resilient Federated Learning via Layer-Adaptive
Sparsified Model Aggregation, WACV 2025, Algorithm 1. Bound: an honest majority.
``context.layers`` says where layers begin; without it the update is one layer.
This module follows the paper. The authors' code overwrites the clipped updates with the
sparsified ones, so that it averages s_il, and it filters only matrices and kernels, not
biases. FLPoison takes bounds 2 and 1 (1 and 1 on CIFAR) and sparsity 0.3.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.rows import Float, Matrix, clipped, norms, weighted_sum
from strategies.rules.base import Aggregate, Rule, RuleContext
from strategies.validation import require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class LASA(Rule):
    """Average each layer over the updates that are typical in it.

    Parameters
    ----------
    norm_bound, sign_bound
        Largest distance from the median, in standard deviations, of a layer's norm and
        of the purity of its signs; above 0.
    sparsity
        Share of an update's values that is ignored when layers are judged, in
        [0, 0.999].
    """

    norm_bound: float = 2.0
    sign_bound: float = 1.0
    sparsity: float = 0.3

    def __post_init__(self) -> None:
        require_positive("norm_bound", self.norm_bound)
        require_positive("sign_bound", self.sign_bound)
        require_between("sparsity", self.sparsity, 0, 0.999)

    @property
    def min_clients(self) -> int:
        """1: a single update is typical."""
        return 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Judge each layer separately; raise ValueError if sizes do not sum to d."""
        n, d = updates.shape
        layers = [d] if context.layers is None else list(context.layers)
        if sum(layers) != d:
            raise ValueError(f"context.layers={layers}: must sum to d={d}")
        lengths = norms(updates)
        factors = clipped(lengths, float(np.median(lengths)))
        kept = self._large_values(updates)
        vector = np.empty(d, np.float32)
        times = np.zeros(n)
        start = 0
        for size in layers:
            layer = slice(start, start + size)
            start += size
            usual = self._usual(np.where(kept[:, layer], updates[:, layer], 0), factors)
            weights = np.where(usual, factors, 0.0) / usual.sum()
            vector[layer] = weighted_sum(updates[:, layer], weights)
            times += usual
        return Aggregate(
            vector=vector,
            weights=times / times.sum(),
            diagnostics={"layers_kept": times.astype(int)},
        )

    def _large_values(self, updates: Matrix) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return an (n, d) mask that excludes the smallest values of each row."""
        aside = int(self.sparsity * updates.shape[1])
        kept = np.ones(updates.shape, bool)
        for row, size in zip(kept, np.abs(updates), strict=True):
            row[np.argsort(size, kind="stable")[:aside]] = False
        return kept

    def _usual(
        self, layer: Matrix, factors: Float
    ) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return an (n,) mask of typical rows of an (n, k) layer; all if none is."""
        signs = np.sign(layer)
        counts = np.abs(signs).sum(axis=1)
        balance = np.divide(
            signs.sum(axis=1), counts, out=np.zeros(len(layer)), where=counts > 0
        )
        size = deviations(norms(layer) * factors)
        direction = deviations((1 + balance) / 2)
        usual = (size < self.norm_bound) & (direction < self.sign_bound)
        return usual if usual.any() else np.ones_like(usual)


def deviations(values: Float) -> Float:
    """Return the distances of (n,) values from their median, in standard deviations."""
    spread = values.std()
    away = np.abs(values - np.median(values))
    return np.asarray(away / spread) if spread > 0 else np.zeros_like(away)
