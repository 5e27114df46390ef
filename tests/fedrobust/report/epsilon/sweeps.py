"""A sweep over training epsilons whose numbers are worked out by hand."""

from fedrobust.report import collect
from fedrobust.report.epsilon.arrange import epsilon_matrices
from tests.fedrobust.report.runs import write_run

# (training, epsilon): clean and robust accuracy at 0.1 and 0.2, for seeds 0 and 1.
# Each on the same 100 images. Means: standard 97 42 10, noise 96 44 12,
# pgd at 0.1 95 82 50, pgd at 0.2 91 84 65.
SWEEP = {
    ("pgd", 0.2): [(0.90, 0.81, 0.64), (0.92, 0.87, 0.66)],
    ("pgd", 0.1): [(0.95, 0.80, 0.50), (0.95, 0.84, 0.50)],
    ("noise", 0.1): [(0.95, 0.44, 0.12), (0.97, 0.44, 0.12)],
    ("standard", None): [(0.96, 0.40, 0.10), (0.98, 0.44, 0.10)],
}


def write_sweep(folder, sweep=SWEEP, **more):
    for (training, epsilon), runs in sweep.items():
        for seed, (clean, *robust) in enumerate(runs):
            own = {} if epsilon is None else {"epsilon": epsilon}
            objective = {"_target_": training, **own}
            worst = dict(zip(("0.1", "0.2"), robust, strict=True))
            made = {"training": training, "epsilon": epsilon, "objective": objective}
            write_run(folder, clean, worst, **{**made, "seed": seed, **more})


def matrix_of(folder, sweep=SWEEP, **more):
    write_sweep(folder, sweep, **more)
    (matrix,) = epsilon_matrices(collect(folder))
    return matrix


def changed(**rows):
    """Return the sweep with runs of pgd or noise at 0.1, of pgd at 0.2, or none."""
    keys = {"pgd1": ("pgd", 0.1), "pgd2": ("pgd", 0.2), "noise": ("noise", 0.1)}
    keys["standard"] = ("standard", None)
    sweep = {**SWEEP, **{keys[name]: runs for name, runs in rows.items()}}
    return {key: runs for key, runs in sweep.items() if runs is not None}
