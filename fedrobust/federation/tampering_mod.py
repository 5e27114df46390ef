"""Tampering as a Flower mod, which works with any honest ClientApp."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from flwr.app import ArrayRecord, Context, Message, MetricRecord
from flwr.clientapp.typing import ClientAppCallable, Mod
from numpy.typing import NDArray

from fedrobust.byzantine.base import Vector
from fedrobust.byzantine.tampering import ClientContext, Tampering
from fedrobust.federation.forging import forge
from fedrobust.randomness import Purpose, generator
from strategies.transport.arrays import unpack, unpack_all
from strategies.transport.requests import read_request
from strategies.updates import difference

SEEN = "last seen by the tampering mod"


def tampering_mod(
    attack: Tampering,
    clients: Callable[[int], Collection[int]],
    seed: int,
    learned: Callable[[], Sequence[str]],
) -> Mod:
    """Return a mod for train messages that tampers with the replies of some clients.

    Parameters
    ----------
    attack
        Changes an update.
    clients
        Returns the partition ids of the clients that are Byzantine in a round.
    seed
        Key of the random draws, together with the round and the client.
    learned
        Returns the names of the arrays that make up an update.
    """

    def mod(
        message: Message, context: Context, call_next: ClientAppCallable
    ) -> Message:
        sent, round = read_request(message)
        client = int(context.node_config["partition-id"])
        last_step = None
        if attack.needs_last_step:
            last_step = _last_step(context, sent, learned())
        reply = call_next(message, context)
        if client not in clients(round) or reply.has_error():
            return reply
        own = reply.content.array_records["arrays"]
        names = learned()
        old, new = unpack_all(sent), unpack_all(own)
        update = attack.tamper(
            difference(new, old, names),
            generator(seed, Purpose.TAMPERING, round, client),
            ClientContext(
                round=round,
                parameters={name: old[name] for name in names},
                last_step=last_step,
            ),
        )
        reply.content["arrays"] = forge(own, old, update, names)
        metrics: MetricRecord = reply.content.metric_records["metrics"]
        examples = metrics["num-examples"]
        assert isinstance(examples, int)
        metrics["num-examples"] = attack.declare(examples)
        return reply

    return mod


def _last_step(
    context: Context, sent: ArrayRecord, names: Sequence[str]
) -> Vector | None:
    """Return how the global arrays changed since this client last trained."""
    seen = context.state.array_records.get(SEEN)
    now: dict[str, NDArray[Any]] = {name: unpack(sent[name]) for name in names}
    context.state[SEEN] = ArrayRecord({name: sent[name] for name in names})
    if seen is None:
        return None
    return difference(now, unpack_all(seen), names)
