"""Updates of tests, as matrices of float32."""

import numpy as np


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


def rows(*values: tuple[float, ...]) -> np.ndarray:
    return np.array(values, np.float32)


LINE = rows((1, 2, 3), (4, 5, 6), (7, 8, 9))


# Mean (0, 2). The spread is 2 along x, 4 + 4 + 1 + 9 + 64 = 82 along y, and nothing
# across: so y is the top direction, and the scores are what was just added.
ALONG_Y = rows((-1, 0), (1, 0), (0, 1), (0, -1), (0, 10))
