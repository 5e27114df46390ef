"""A Flower app whose clients use PyTorch; one of them sends NaN, and is quarantined."""

import torch
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.simulation import run_simulation

from strategies import RobustStrategy
from strategies.rules import TrimmedMean

client_app, server_app = ClientApp(), ServerApp()


def new_model():
    """Return the model that all clients start from."""
    torch.manual_seed(0)
    return torch.nn.Linear(3, 1)


@client_app.train()
def train(message, context):
    """Take five steps on the client's own data."""
    client = int(context.node_config["partition-id"])
    model = new_model()
    model.load_state_dict(message.content["arrays"].to_torch_state_dict())
    generator = torch.Generator().manual_seed(client)
    x = torch.randn(100, 3, generator=generator)
    y = x @ torch.tensor([[1.0], [-2.0], [3.0]])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
    if client == 0:
        model.weight.data.fill_(float("nan"))  # this client is broken
    content = RecordDict({"arrays": ArrayRecord(model.state_dict())})
    content["metrics"] = MetricRecord({"num-examples": len(x)})
    return Message(content, reply_to=message)


@server_app.main()
def main(grid, context):
    """Train for ten rounds."""
    strategy = RobustStrategy(
        rule=TrimmedMean(f=1), min_available_nodes=5, fraction_evaluate=0.0
    )
    start = ArrayRecord(new_model().state_dict())
    result = strategy.start(grid, start, num_rounds=10)
    weights = result.arrays.to_torch_state_dict()["weight"]
    print("quarantined", list(strategy.last_round.quarantined.values()))
    print("learned", [round(w, 1) for w in weights[0].tolist()])


if __name__ == "__main__":
    run_simulation(server_app, client_app, num_supernodes=5)
