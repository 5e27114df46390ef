"""The Flower ClientApp: local training and evaluation around a Keras model."""

import numpy as np
from flwr.app import Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.clientapp.typing import Mod

from fedrobust import vectors
from fedrobust.assembly import Experiment
from fedrobust.byzantine import Tampering
from fedrobust.errors import exits_refused
from fedrobust.federation.cohort import Cohort
from fedrobust.federation.tampering_mod import tampering_mod
from fedrobust.network import Arrays
from fedrobust.privacy import SecAgg
from fedrobust.training import scaffold
from fedrobust.training.trainer import Trained
from strategies.transport.arrays import pack_all, unpack_all
from strategies.transport.requests import read_request

# Keys of the client's Context.
MOMENTUM = "momentum"
VARIATE = "variate"


def client_app(experiment: Experiment, cohort: Cohort | None = None) -> ClientApp:
    """Return the ClientApp of an experiment, to train, evaluate and answer queries.

    Parameters
    ----------
    experiment
        The experiment that the clients take part in.
    cohort
        Trains clients of one process together; None trains each alone.
    """
    # A client may run in a process of its own, which must limit its vectors too.
    vectors.widest()
    mods: list[Mod] = []
    if isinstance(experiment.mechanism, SecAgg) and experiment.mechanism.is_masked:
        from strategies.secagg import secagg_mod

        # The outermost: a Byzantine client tampers with what is then masked.
        mods.append(secagg_mod)
    attack = experiment.byzantine_attack
    if isinstance(attack, Tampering):
        mods.append(
            tampering_mod(
                attack,
                experiment.byzantine_clients,
                experiment.config.seed,
                lambda: experiment.network.trainable,
            )
        )
    # Within the tampering, as a Byzantine client need not protect anything.
    mods += experiment.client_mods
    application = ClientApp()

    @application.train(mods=mods)
    def train(message: Message, context: Context) -> Message:
        with exits_refused():
            return _train(experiment, cohort, message, context)

    @application.evaluate()
    def evaluate(message: Message, context: Context) -> Message:
        with exits_refused():
            return _evaluate(experiment, message, context)

    @application.query()
    def query(message: Message, context: Context) -> Message:
        """Reply with the partition id of this node."""
        metrics = MetricRecord({"partition-id": _partition_id(context)})
        return Message(RecordDict({"metrics": metrics}), reply_to=message)

    return application


def _partition_id(context: Context) -> int:
    return int(context.node_config["partition-id"])


def _train(
    experiment: Experiment, cohort: Cohort | None, message: Message, context: Context
) -> Message:
    """Train on the client's images and send the new arrays."""
    client = _partition_id(context)
    sent, round = read_request(message)
    arrays = unpack_all(sent)
    local = experiment.config.training
    trained = cohort.take(client) if cohort is not None else None
    if trained is None:
        trained = _train_alone(experiment, context, client, arrays, round)
    new = trained.arrays
    if local.momentum > 0 and _keeps_momentum(experiment, client, round):
        new = _with_momentum(experiment, context, arrays, new)
    metrics = MetricRecord(
        {
            "num-examples": trained.num_examples,
            "train_loss": trained.loss,
            "local_steps": trained.steps,
        }
    )
    if experiment.trains_privately:
        # It is computed from the examples, and not noised.
        del metrics["train_loss"]
    content = RecordDict({"arrays": pack_all(new), "metrics": metrics})
    return Message(content, reply_to=message)


def _train_alone(
    experiment: Experiment, context: Context, client: int, arrays: Arrays, round: int
) -> Trained:
    """Train one client; with SCAFFOLD the arrays include its control variate."""
    x, y = experiment.training_data(client, round)
    if len(x) == 0:
        raise ValueError(f"client {client} holds no training images")
    trainer = experiment.trainer_of_client(client, round)
    config = experiment.config
    local = config.training
    c = scaffold.unpack(arrays)
    own = _recall(context, VARIATE) or {n: np.zeros_like(c[n]) for n in c}
    trained, _ = trainer.train(
        arrays,
        x,
        y,
        local,
        seed=config.seed,
        round=round,
        client=client,
        correction=scaffold.correction(c, own) if local.scaffold else None,
    )
    if local.scaffold:
        new = trained.arrays
        rate = float(local.optimizer["learning_rate"])
        variate = scaffold.renew(c, own, arrays, new, trained.steps, rate)
        context.state[VARIATE] = pack_all(variate)
        participation = config.num_sampled / config.num_clients
        new |= scaffold.pack(scaffold.share(c, own, variate, participation))
    return trained


def _keeps_momentum(experiment: Experiment, client: int, round: int) -> bool:
    if experiment.config.training.simulated_by.byzantine_momentum:
        return True
    return client not in experiment.attackers(round)


def _with_momentum(
    experiment: Experiment, context: Context, old: Arrays, new: Arrays
) -> Arrays:
    """Replace the update by its momentum, which stays in the client's Context."""
    local = experiment.config.training
    # A Python number keeps the dtype of the weights, which may not be float32.
    share = 1 - local.momentum if local.dampening else 1.0
    kept = _recall(context, MOMENTUM)
    sent, buffer = dict(new), {}
    for name in experiment.network.trainable:
        buffer[name] = share * (new[name] - old[name])
        if kept is not None:
            buffer[name] += local.momentum * kept[name]
        sent[name] = old[name] + buffer[name]
    context.state[MOMENTUM] = pack_all(buffer)
    return sent


def _recall(context: Context, key: str) -> Arrays | None:
    """Return arrays that the client stored; None in its first round."""
    kept = context.state.array_records.get(key)
    return None if kept is None else unpack_all(kept)


def _evaluate(experiment: Experiment, message: Message, context: Context) -> Message:
    """Evaluate the global arrays on the images this client holds out."""
    client = _partition_id(context)
    arrays = unpack_all(read_request(message)[0])
    _, rows = experiment.client_rows(client)
    if len(rows) == 0:
        raise ValueError(f"client {client} holds out no images")
    split = experiment.split
    evaluator = experiment.evaluator(split.x_train[rows], split.y_train[rows])
    scores = evaluator(arrays, workers=1)
    metrics = MetricRecord({"num-examples": len(rows), "clean_accuracy": scores.clean})
    for name, curve in scores.robust.items():
        for epsilon, accuracy in curve.items():
            metrics[f"robust_accuracy/{name}/{epsilon}"] = accuracy
    return Message(RecordDict({"metrics": metrics}), reply_to=message)
