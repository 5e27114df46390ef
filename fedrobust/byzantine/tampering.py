"""Tampering as a Flower mod: it composes with any honest ClientApp."""

from collections.abc import Callable, Collection, Sequence

from flwr.app import Context, Message
from flwr.clientapp.typing import ClientAppCallable, Mod

from fedrobust.byzantine.base import Tampering
from fedrobust.byzantine.forging import forge
from fedrobust.randomness import Purpose, generator
from strategies.updates import difference


def tampering_mod(
    attack: Tampering,
    clients: Collection[int],
    seed: int,
    learned: Callable[[], Sequence[str]],
) -> Mod:
    """Make a mod for train messages that tampers the replies of some clients.

    Parameters
    ----------
    attack
        What is done to an update.
    clients
        Partition ids of the Byzantine clients.
    seed
        Key of the draws, with the round and the client.
    learned
        Gives the names of the arrays that make up an update; called when needed.
    """

    def mod(
        message: Message, context: Context, call_next: ClientAppCallable
    ) -> Message:
        reply = call_next(message, context)
        client = int(context.node_config["partition-id"])
        if client not in clients or reply.has_error():
            return reply
        sent = message.content.array_records["arrays"]
        round = int(message.content.config_records["config"]["server-round"])  # type: ignore[arg-type]
        rng = generator(seed, Purpose.TAMPERING, round, client)
        own = reply.content.array_records["arrays"]
        names = learned()
        old = {name: array.numpy() for name, array in sent.items()}
        new = {name: array.numpy() for name, array in own.items()}
        update = attack.tamper(difference(new, old, names), rng)
        reply.content["arrays"] = forge(own, old, update, names)
        return reply

    return mod
