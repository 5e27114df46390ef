"""The messages to clients in a round, with the record names of Flower's strategies."""

from collections.abc import Iterable

from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, RecordDict


def request(
    nodes: Iterable[int],
    arrays: ArrayRecord,
    config: ConfigRecord,
    round: int,
    message_type: str,
    arrayrecord_key: str = "arrays",
    configrecord_key: str = "config",
) -> list[Message]:
    """Return a message for each node: the global arrays, the round and a config.

    Parameters
    ----------
    nodes
        Ids of the nodes, in the order of the messages.
    arrays
        The global arrays.
    config
        Further settings for the clients; the round is written into it.
    round
        The round, from 1.
    message_type
        One of Flower's ``MessageType``.
    arrayrecord_key, configrecord_key
        Names of the two records in the message.
    """
    config["server-round"] = round
    return [
        Message(
            content=RecordDict({arrayrecord_key: arrays, configrecord_key: config}),
            message_type=message_type,
            dst_node_id=node,
            group_id=str(round),
        )
        for node in nodes
    ]


def is_train(message: Message) -> bool:
    """Return whether a message is one to train, of any action such as train.mine."""
    return message.metadata.message_type.partition(".")[0] == MessageType.TRAIN


def read_request(message: Message) -> tuple[ArrayRecord, int]:
    """Return the global arrays and the round from a message that ``request`` built."""
    round = message.content.config_records["config"]["server-round"]
    assert isinstance(round, int)
    return message.content.array_records["arrays"], round
