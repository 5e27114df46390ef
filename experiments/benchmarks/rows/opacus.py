"""Opacus: the same steps with its hooks, or with its ghost clipping."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.benchmarks.data import mnist
from experiments.benchmarks.rows.dpsgd import (
    BATCH,
    CLIP,
    KEY,
    LOCAL,
    NOISE,
    RATE,
    STEPS,
    first_weights,
)
from fedrobust.randomness import Purpose, generator
from fedrobust.training.poisson import NOBODY, PoissonSchedule


def network() -> Any:
    """Return the network with the first weights."""
    import torch
    from torch import nn

    model = nn.Sequential(
        nn.Conv2d(1, 16, 8, 2, padding=3),
        nn.ReLU(),
        nn.MaxPool2d(2, 1),
        nn.Conv2d(16, 32, 4, 2),
        nn.ReLU(),
        nn.MaxPool2d(2, 1),
        nn.Flatten(),
        nn.Linear(512, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    )
    weights = first_weights()
    # The flattened image has its channels last in Keras and first in PyTorch.
    weights[4] = weights[4].reshape(4, 4, 32, 32).transpose(2, 0, 1, 3).reshape(512, 32)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), weights, strict=True):
            turned = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(turned)))
    return model


def steps(mode: str) -> Any:
    """Wall time with two threads, batches as slices, which is the fastest loader.

    ``mode`` is Opacus's ``grad_sample_mode``, hooks or ghost.
    """
    import torch
    from opacus import PrivacyEngine
    from torch.utils.data import DataLoader, TensorDataset

    torch.set_num_threads(2)
    torch.manual_seed(0)
    x, y = mnist(60000)
    inputs, labels = torch.from_numpy(x[:, None]), torch.from_numpy(y)
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=BATCH)
    model = network()
    start = [p.detach().clone() for p in model.parameters()]
    criterion = torch.nn.CrossEntropyLoss()
    made = PrivacyEngine().make_private(
        module=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=RATE),
        criterion=criterion,
        data_loader=loader,
        noise_multiplier=NOISE,
        max_grad_norm=CLIP,
        grad_sample_mode=mode,
    )
    model, optimizer = made[0], made[1]
    if mode == "ghost":
        criterion = made[2]
    optimizer.expected_batch_size = BATCH

    def reset() -> None:
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), start, strict=True):
                parameter.copy_(value)

    def step(rows: Any) -> Any:
        optimizer.zero_grad()
        loss = criterion(model(inputs[rows]), labels[rows])
        loss.backward()
        optimizer.step()
        return loss

    optimizer.noise_multiplier = 0.0
    loss = float(step(torch.arange(BATCH)).item())
    squares = [
        float(((p.detach() - v) ** 2).sum())
        for p, v in zip(model.parameters(), start, strict=True)
    ]
    work = {"steps": STEPS, "loss": loss, "norm": sum(squares) ** 0.5 / RATE}
    optimizer.noise_multiplier = NOISE
    rng = generator(0, Purpose.PRIVATE_BATCHES, KEY["round"], KEY["client"])
    schedule = PoissonSchedule.draw(LOCAL, 60000, rng)
    pairs = zip(schedule.bounds[:-1], schedule.bounds[1:], strict=True)
    batches = [schedule.order[a:b] for a, b in pairs]
    drawn = [torch.from_numpy(rows[rows != NOBODY].astype(np.int64)) for rows in batches]

    def measure() -> Mapping[str, Any]:
        reset()
        began = time.perf_counter()
        for rows in drawn:
            step(rows)
        value = 1000 * (time.perf_counter() - began) / STEPS
        return {"value": value, "work": work}

    return measure
