"""LASA: clip, then choose for each layer the updates of usual size and direction.

    1. x_i <- x_i min(1, M / |x_i|),  M = median of the lengths
    2. s_i = x_i without its smallest ``sparsity`` share of values
    3. for each layer l:  norm_i = |s_il|
       purity_i = (1 + sum sign(s_il) / sum |sign(s_il)|) / 2
       keep the updates with |z| below norm_bound and sign_bound, where
       z_i = (value_i - median) / standard deviation
       agg_l = mean of x_il over those kept; over all where none is

Xu, Zhang, Hu: Achieving Byzantine-Resilient Federated Learning via Layer-Adaptive
Sparsified Model Aggregation, WACV 2025, Algorithm 1. Bound: an honest majority.
``context.layers`` says where layers begin; without it the update is one layer.
The authors' code overwrites the clipped updates with the sparsified ones, so that it
averages s_il, and masks matrices and kernels alone, no biases; here as the paper has
it. FLPoison takes bounds 2 and 1 (1 and 1 on CIFAR) and sparsity 0.3.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.rows import Float, Matrix, clipped, norms, weighted_sum
from strategies.rules.base import Aggregate, Rule, RuleContext
from strategies.validation import require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class LASA(Rule):
    """Average each layer over the updates that are usual in it.

    Parameters
    ----------
    norm_bound, sign_bound
        How many standard deviations from the median a layer's norm and the purity of
        its signs may lie, above 0.
    sparsity
        Share of an update's values that is set aside before layers are judged, in
        [0, 1).
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
        """One update is usual."""
        return 1

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Judge every layer alone; ValueError when the layers do not fit."""
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
        """Mark the values of each row that are not among its smallest."""
        aside = int(self.sparsity * updates.shape[1])
        kept = np.ones(updates.shape, bool)
        for row, size in zip(kept, np.abs(updates), strict=True):
            row[np.argsort(size, kind="stable")[:aside]] = False
        return kept

    def _usual(
        self, layer: Matrix, factors: Float
    ) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Mark the rows of (n, k) values that neither size nor signs set apart."""
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
    """Give each value's distance from the median, in standard deviations."""
    spread = values.std()
    away = np.abs(values - np.median(values))
    return np.asarray(away / spread) if spread > 0 else np.zeros_like(away)
