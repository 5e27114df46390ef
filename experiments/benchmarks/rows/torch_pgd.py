"""W1 with PGD-10 in eager PyTorch, written like its tutorials."""

import time
from collections.abc import Mapping
from typing import Any

from experiments.benchmarks.data import MEAN, STD, mnist
from experiments.benchmarks.rows.byzfl import find_byzfl, initialise

EPSILON, STEPS = 0.3, 10


def w1_pgd() -> Any:
    """10 clients x 600 images, batch 32, one epoch on PGD examples; then the mean."""
    find_byzfl()
    import torch
    from byzfl.fed_framework.models import cnn_mnist
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(2)
    x, y = mnist(6000)
    inputs, labels = torch.from_numpy(x[:, None]), torch.from_numpy(y)

    def attack(model: Any, x: Any, y: Any) -> Any:
        moved = (x + EPSILON * (2 * torch.rand_like(x) - 1)).clamp(0, 1)
        for _ in range(STEPS):
            moved.requires_grad_(True)
            loss = cross_entropy(model((moved - MEAN) / STD), y)
            (slope,) = torch.autograd.grad(loss, moved)
            moved = moved.detach() + 2.5 * EPSILON / STEPS * slope.sign()
            moved = (x + (moved - x).clamp(-EPSILON, EPSILON)).clamp(0, 1)
        return moved

    def measure() -> Mapping[str, Any]:
        torch.manual_seed(0)
        first = cnn_mnist()
        initialise(first)
        received = first.state_dict()
        began, models, losses = time.perf_counter(), [], []
        steps = 0
        for client in range(10):
            model = cnn_mnist()
            model.load_state_dict(received)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
            order = 600 * client + torch.randperm(600)
            total = 0.0
            batches = order.split(32)
            for rows in batches:
                moved = attack(model, inputs[rows], labels[rows])
                optimizer.zero_grad()
                loss = cross_entropy(model((moved - MEAN) / STD), labels[rows])
                loss.backward()
                optimizer.step()
                total += loss.item()
                steps += 1
            losses.append(total / len(batches))
            models.append(model.state_dict())
        {n: torch.stack([m[n] for m in models]).mean(0) for n in received}
        seconds = time.perf_counter() - began
        loss = float(torch.tensor(losses).median())
        return {"value": seconds, "work": {"steps": steps / 10, "loss": loss}}

    return measure
