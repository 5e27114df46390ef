"""The shortest step to a plane within the range."""

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from fedrobust.attacks.hyperplane import towards_hyperplane


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_step_to_a_plane_is_the_shortest(norm, rng):
    x = rng.uniform(size=(20, 6)).astype(np.float32)
    w = rng.normal(size=(20, 6)).astype(np.float32)
    target = rng.uniform(size=(20, 6)).astype(np.float32)
    b = (w * target).sum(axis=1)  # a point of the range is on the plane
    d = np.asarray(towards_hyperplane(x, w, b, norm, 0.0, 1.0), np.float64)
    np.testing.assert_allclose((w * (x + d)).sum(axis=1), b, atol=1e-4)
    assert (x + d).min() >= -1e-6
    assert (x + d).max() <= 1 + 1e-6
    for i in range(20):
        if norm == "linf":
            # Variables d, t: minimise t with |d_i| <= t.
            eye, ones = np.eye(6), np.ones((6, 1))
            best = linprog(
                [*np.zeros(6), 1],
                A_ub=np.block([[eye, -ones], [-eye, -ones]]),
                b_ub=np.zeros(12),
                A_eq=[[*w[i], 0]],
                b_eq=[b[i] - w[i] @ x[i]],
                bounds=[*zip(-x[i], 1 - x[i], strict=True), (0, None)],
            ).fun
            length = np.abs(d[i]).max()
        else:
            best = (
                minimize(
                    lambda v: v @ v,
                    target[i] - x[i],
                    jac=lambda v: 2 * v,
                    bounds=list(zip(-x[i], 1 - x[i], strict=True)),
                    constraints={
                        "type": "eq",
                        "fun": lambda v, i=i: w[i] @ (x[i] + v) - b[i],
                    },
                    method="SLSQP",
                ).fun
                ** 0.5
            )
            length = np.linalg.norm(d[i])
        assert length == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_step_to_a_plane_does_not_depend_on_other_rows(norm, rng):
    # The 784 pieces of each row take their own number of steps.
    x = rng.uniform(size=(60, 784)).astype(np.float32)
    w = rng.normal(size=(60, 784)).astype(np.float32)
    b = (w * rng.uniform(size=(60, 784))).sum(axis=1).astype(np.float32)
    together = np.asarray(towards_hyperplane(x, w, b, norm, 0.0, 1.0))
    for i in range(60):
        alone = [np.repeat(values[i : i + 1], 60, axis=0) for values in (x, w, b)]
        found = np.asarray(towards_hyperplane(*alone, norm, 0.0, 1.0))
        np.testing.assert_array_equal(found[i], together[i])


def test_a_plane_out_of_reach_uses_the_whole_range():
    x = np.array([[0.2, 0.5]], np.float32)
    w = np.array([[1.0, -1.0]], np.float32)
    for norm in ("linf", "l2"):
        d = np.asarray(towards_hyperplane(x, w, np.array([9.0], "f"), norm, 0.0, 1.0))
        np.testing.assert_allclose(d, [[0.8, -0.5]], atol=1e-6)
