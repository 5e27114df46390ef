"""ByzFL's side: its own clients and server, in its training loop, data as tensors."""

import importlib.util
import sys
import time
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.benchmarks.data import MEAN, STD, mnist


def find_byzfl() -> None:
    """Allow imports of byzfl's submodules without its benchmark and torchvision."""
    spec = importlib.util.find_spec("byzfl")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("byzfl is not installed: `make bench` does it")
    bare = types.ModuleType("byzfl")
    bare.__path__ = list(spec.submodule_search_locations)
    sys.modules["byzfl"] = bare


def initialise(model: Any) -> None:
    """Draw weights like Keras, so that both sides learn equally fast."""
    import torch

    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.xavier_uniform_(parameter)
        else:
            torch.nn.init.zeros_(parameter)


def federation(num_clients: int, num_train: int, steps: int, rounds: int) -> Any:
    """Return a function that measures the mean seconds of a FedAvg round."""
    find_byzfl()
    import torch
    from byzfl.fed_framework import Client, Server

    torch.set_num_threads(2)
    x, y = mnist(num_train)
    x = (x - MEAN) / STD
    inputs, labels = torch.from_numpy(x[:, None]), torch.from_numpy(y)

    class Tensors:
        """A data set whose batches are slices, which is the fastest loader possible."""

        def __init__(self, rows: Any) -> None:
            self.x, self.y = inputs[rows], labels[rows]

        def __len__(self) -> int:
            return len(self.x)

        def __getitems__(self, rows: list[int]) -> Any:
            return self.x[rows], self.y[rows]

        def __getitem__(self, row: int) -> Any:
            return self.x[row], self.y[row]

    def loader(rows: Any) -> Any:
        return torch.utils.data.DataLoader(
            Tensors(rows), batch_size=32, shuffle=True, collate_fn=lambda batch: batch
        )

    def measure() -> Mapping[str, Any]:
        torch.manual_seed(0)
        common = {
            "model_name": "cnn_mnist",
            "device": "cpu",
            "optimizer_name": "SGD",
            "learning_rate": 0.05,
            "weight_decay": 0.0,
            "milestones": [],
            "learning_rate_decay": 1.0,
        }
        parts = np.array_split(np.arange(num_train), num_clients)
        loaders = [loader(torch.from_numpy(part)) for part in parts]
        clients = [
            Client(
                {
                    **common,
                    "loss_name": "CrossEntropyLoss",
                    "LabelFlipping": False,
                    "nb_labels": 10,
                    "momentum": 0.0,
                    "training_dataloader": part,
                    "store_per_client_metrics": False,
                }
            )
            for part in loaders
        ]
        server = Server(
            {
                **common,
                "test_loader": loaders[0],
                "aggregator_info": {"name": "Average", "parameters": {}},
                "pre_agg_list": [],
            }
        )
        initialise(server.model)
        start = server.get_dict_parameters()
        for client in clients:
            client.set_model_state(start)
        began, losses = time.perf_counter(), []
        for _ in range(rounds):
            weights, losses = [], []
            for client in clients:
                losses.append(client.compute_model_update(steps))
                weights.append(client.get_flat_parameters())
            server.update_model_with_weights(weights)
            new = server.get_dict_parameters()
            for client in clients:
                client.set_model_state(new)
        seconds = (time.perf_counter() - began) / rounds
        return {
            "value": seconds,
            "work": {"steps": steps, "loss": float(np.median(losses))},
        }

    return measure


def w1() -> Any:
    """10 clients x 600 images, batch 32: 19 steps a round."""
    return federation(10, 6000, 19, 3)


def fedsgd() -> Any:
    """25 clients, one step of 32 images a round."""
    return federation(25, 15000, 1, 20)
