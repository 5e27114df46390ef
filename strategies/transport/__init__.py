"""How strategies meet Flower: arrays, grids, nodes and requests."""
