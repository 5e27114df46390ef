"""Local differential privacy: each client clips its update and adds noise itself.

    u min(1, C / |u|) + N(0, (z C)^2 I)

Two clipped updates differ by at most 2 C, whatever the two data sets of the client are,
so one reply is a Gaussian release of noise multiplier z / 2, and nobody else has to be
trusted. Each client spends by itself, for the rounds in which it replies.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from flwr.app import Context, Message, MessageType, MetricRecord
from numpy.typing import NDArray

from strategies.postprocessors.gaussian import add_noise, clip_rows
from strategies.transport.arrays import pack_all, unpack_all
from strategies.updates import Arrays, add, difference
from strategies.validation import require_between, require_positive

if TYPE_CHECKING:
    from flwr.clientapp.typing import ClientAppCallable, Mod

# Purpose of the noise: the last element of its key.
LOCAL_NOISE = 19


def local_dp_mod(
    *,
    clip: float,
    noise_multiplier: float,
    seed: int | None = None,
    public_metrics: Collection[str] = ("num-examples",),
) -> "Mod":
    """Return a mod that clips and noises the update in each reply to a train message.

    The update is the difference between the floats that a client sends and those that
    it was sent, batch statistics included. Arrays of integers go back as they came. Of
    everything else in the reply only the public metrics are left. Replies to other
    messages, such as those to evaluate, pass unchanged: nothing protects them.

    The messages must be those of Flower's strategies: one ArrayRecord each way, with
    the same names. A client whose reply is another, or whose update is not finite,
    raises, and sends nothing.

    Parameters
    ----------
    clip
        C, the largest Euclidean norm of an update, above 0.
    noise_multiplier
        z, the standard deviation of the noise on each value in units of ``clip``, at
        least 0; without noise nothing is private.
    seed
        Key of the noise, together with the round and the partition id (the node id
        where there is none), for runs that are to be repeated. Whoever knows it can
        subtract the noise, and a server that sends a round twice gets the same noise
        twice. None draws from the operating system.
    public_metrics
        Names of the metrics that are sent, as they are; they are taken as public.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """
    require_positive("clip", clip)
    require_between("noise_multiplier", noise_multiplier, 0)
    if seed is not None:
        require_between("seed", seed, 0)

    def mod(
        message: Message, context: Context, call_next: "ClientAppCallable"
    ) -> Message:
        if message.metadata.message_type.partition(".")[0] != MessageType.TRAIN:
            return call_next(message, context)
        _, sent = _only_arrays(message, "message")
        rng = _generator(seed, message, context)
        reply = call_next(message, context)
        if reply.has_error():
            return reply
        key, trained = _only_arrays(reply, "reply")
        kept: dict[str, Any] = {
            key: pack_all(_protected(trained, sent, clip, noise_multiplier, rng))
        }
        for name, record in reply.content.metric_records.items():
            public = {k: v for k, v in record.items() if k in public_metrics}
            kept[name] = MetricRecord(public)
        reply.content.clear()
        reply.content.update(kept)
        return reply

    return mod


def _only_arrays(message: Message, what: str) -> tuple[str, Arrays]:
    """Return the only ArrayRecord of a message: its name, and views of its arrays."""
    records = message.content.array_records
    if len(records) != 1:
        raise ValueError(
            f"the {what} has {len(records)} ArrayRecords: local_dp_mod needs exactly "
            "one, with all arrays of the model"
        )
    ((key, record),) = records.items()
    return key, unpack_all(record)


def _generator(
    seed: int | None, message: Message, context: Context
) -> np.random.Generator:
    """Return the generator of the noise of one reply."""
    if seed is None:
        return np.random.default_rng()
    records = message.content.config_records.values()
    rounds = [config["server-round"] for config in records if "server-round" in config]
    if not rounds:
        raise ValueError(
            "the message has no server-round, which keys the noise: send it in the "
            "ConfigRecord as Flower's strategies do, or give local_dp_mod no seed"
        )
    client = context.node_config.get("partition-id", context.node_id)
    key = [seed, int(cast(int, rounds[0])), int(client), LOCAL_NOISE]
    return np.random.default_rng(key)


def _protected(
    trained: Arrays,
    sent: Arrays,
    clip: float,
    noise_multiplier: float,
    rng: np.random.Generator,
) -> dict[str, NDArray[Any]]:
    """Return what was sent plus the update, clipped and noised.

    Raises
    ------
    ValueError
        When the arrays are not those that were sent, or the update is not finite.
    """
    forms = [
        {n: (a.shape, a.dtype) for n, a in arrays.items()} for arrays in (trained, sent)
    ]
    if forms[0] != forms[1]:
        raise ValueError(
            f"the reply has the arrays {forms[0]}: local_dp_mod needs those of the "
            f"message, {forms[1]}"
        )
    names = [name for name in sent if np.issubdtype(sent[name].dtype, np.floating)]
    for name in names:
        if not np.isfinite(trained[name]).all():
            raise ValueError(f"array {name!r} is not finite, so it cannot be clipped")
    update = difference(trained, sent, names)
    (row,), _ = clip_rows(update[None], clip)
    return add(sent, add_noise(row, noise_multiplier * clip, rng), names)
