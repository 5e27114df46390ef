"""The published DP-SGD tables: their settings spend the epsilons that are printed."""

import pytest

from fedrobust.privacy import epsilon_of
from fedrobust.reproduce import Results, load_reproduction
from fedrobust.reproduce.definition import Job
from fedrobust.reproduce.published import read_published

# The MNIST training images.
IMAGES = 60_000


def classic(job: Job) -> float:
    """Return what a run spends by the conversion of the tables, from its settings."""
    values = job.composed
    training, privacy = values["training"], values["privacy"]
    return epsilon_of(
        noise_multiplier=privacy["noise_multiplier"],
        sampling_rate=training["batch_size"] * values["num_clients"] / IMAGES,
        steps=training["local_steps"] * values["num_rounds"],
        delta=privacy["delta"],
        conversion="classic",
    )


def test_each_private_row_is_planned_and_spends_what_was_printed():
    reproduction = load_reproduction("dpsgd_mnist")
    published = read_published(reproduction)
    private = {
        cell: paper.value
        for (cell, measure), paper in published.items()
        if measure == "epsilon_classic"
    }
    assert len(private) == 6
    jobs = {job.cell: job for job in reproduction.jobs if job.seed == 0}
    for cell, printed in private.items():
        assert f"{classic(jobs[cell]):.2f}" == f"{printed:.2f}", cell


def test_ten_clients_spend_the_same_with_the_same_share_and_more_with_the_same_batch():
    jobs = load_reproduction("dpsgd_mnist").jobs
    alone, ten, small = (
        classic(next(job for job in jobs if job.cell == ("opacus", "z1.3", clients)))
        for clients in ("1", "10", "10 with batches of 24")
    )
    assert small == alone
    assert ten > 3 * alone


def test_the_rows_have_the_epsilon_of_their_settings():
    reproduction = load_reproduction("dpsgd_mnist")
    rows = Results(reproduction).rows
    private = [
        job
        for job in reproduction.jobs
        if (job.cell, job.seed) in rows and job.cell[1] != "none"
    ]
    for job in private:
        row = rows[job.cell, job.seed]
        assert float(row["epsilon_classic"]) == pytest.approx(classic(job), abs=1e-6)
        assert float(row["epsilon"]) < float(row["epsilon_classic"])
