"""Aggregate a matrix of updates with Krum, and with NNM before the median."""

import numpy as np

from strategies.preaggregators import NNM
from strategies.rules import Krum, Median

rng = np.random.default_rng(0)
honest = 1 + 0.1 * rng.normal(size=(8, 5))  # eight clients that agree, five values each
hostile = np.full((2, 5), -100.0)  # two that do not
updates = np.concatenate([honest, hostile]).astype(np.float32)

mean = updates.mean(axis=0)
krum = Krum(f=2)(updates)
mixed = Median()(NNM(f=2)(updates)).vector

print("mean  ", mean.round(1))
print("Krum  ", krum.vector.round(1), "is the update of client", krum.selected[0])
print("median", mixed.round(1), "behind NNM")
