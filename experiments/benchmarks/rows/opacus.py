"""Opacus: the same steps with its hooks, or with its ghost clipping."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


class Steps:
    """Opacus's private training; batches are slices, which is the fastest loader.

    ``mode`` is its ``grad_sample_mode``, hooks or ghost.
    """

    def __init__(self, mode: str) -> None:
        import torch
        from opacus import PrivacyEngine
        from torch.utils.data import DataLoader, TensorDataset

        x, y = mnist(60000)
        self.inputs, self.labels = torch.from_numpy(x[:, None]), torch.from_numpy(y)
        model = network()
        self.start = [p.detach().clone() for p in model.parameters()]
        self.criterion: Any = torch.nn.CrossEntropyLoss()
        made = PrivacyEngine().make_private(
            module=model,
            optimizer=torch.optim.SGD(model.parameters(), lr=RATE),
            criterion=self.criterion,
            data_loader=DataLoader(TensorDataset(self.inputs, self.labels), BATCH),
            noise_multiplier=NOISE,
            max_grad_norm=CLIP,
            grad_sample_mode=mode,
        )
        self.model, self.optimizer = made[0], made[1]
        if mode == "ghost":
            self.criterion = made[2]
        self.optimizer.expected_batch_size = BATCH

    def reset(self) -> None:
        """Return to the first weights."""
        import torch

        with torch.no_grad():
            pairs = zip(self.model.parameters(), self.start, strict=True)
            for parameter, value in pairs:
                parameter.copy_(value)

    def step(self, rows: Any) -> Any:
        """Take a step on the images of these rows, and return the loss."""
        self.optimizer.zero_grad()
        loss = self.criterion(self.model(self.inputs[rows]), self.labels[rows])
        loss.backward()
        self.optimizer.step()
        return loss

    def work(self) -> dict[str, float]:
        """Return the loss and the gradient's norm of a step without noise."""
        import torch

        self.optimizer.noise_multiplier = 0.0
        loss = float(self.step(torch.arange(BATCH)).item())
        self.optimizer.noise_multiplier = NOISE
        pairs = zip(self.model.parameters(), self.start, strict=True)
        squares = sum(float(((p.detach() - v) ** 2).sum()) for p, v in pairs)
        return {"loss": loss, "norm": squares**0.5 / RATE}


def batches() -> list[NDArray[np.int64]]:
    """Return the rows of each step, which are those that our side draws."""
    rng = generator(0, Purpose.PRIVATE_BATCHES, KEY["round"], KEY["client"])
    schedule = PoissonSchedule.draw(LOCAL, 60000, rng)
    pairs = zip(schedule.bounds[:-1], schedule.bounds[1:], strict=True)
    padded = [schedule.order[start:end] for start, end in pairs]
    return [rows[rows != NOBODY].astype(np.int64) for rows in padded]


def steps(mode: str) -> Any:
    """Wall time with two threads, in milliseconds of a step."""
    import torch

    torch.set_num_threads(2)
    torch.manual_seed(0)
    training = Steps(mode)
    work = training.work()
    drawn = [torch.from_numpy(rows) for rows in batches()]

    def measure() -> Mapping[str, Any]:
        training.reset()
        began = time.perf_counter()
        for rows in drawn:
            training.step(rows)
        value = 1000 * (time.perf_counter() - began) / STEPS
        return {"value": value, "work": {"steps": STEPS, **work}}

    return measure
