"""Secure aggregation of updates over Flower's Message API, for any strategy.

    app.train(mods=[secagg_mod])                          in the ClientApp
    strategy.start(grid=SecAggGrid(grid), ...)            in the ServerApp

The server learns the mean of a group of clients, never the update of one. With
``group_size``, clients are divided into random groups, and the pre-aggregator
``strategies.preaggregators.Groups`` gives a robust rule one row for each. The
primitives are those of ``cryptography`` and ``pycryptodome``, which come with Flower.
"""

from strategies.secagg.errors import AbortError, ProtocolError
from strategies.secagg.fixed_point import FixedPoint
from strategies.secagg.grid import SecAggGrid
from strategies.secagg.group_grid import GroupGrid
from strategies.secagg.ideal_grid import IdealGrid
from strategies.secagg.mod import secagg_mod

__all__ = [
    "AbortError",
    "FixedPoint",
    "GroupGrid",
    "IdealGrid",
    "ProtocolError",
    "SecAggGrid",
    "secagg_mod",
]
