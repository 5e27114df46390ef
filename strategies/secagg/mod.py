"""The client's side as a Flower mod, for any ClientApp that trains on arrays."""

import logging
from typing import TYPE_CHECKING, Any

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.common.constant import ErrorCode

from strategies.screening import MalformedReplyError
from strategies.secagg.client import State, advertise, deal, mask, reveal
from strategies.secagg.errors import ProtocolError
from strategies.secagg.server import MASKED
from strategies.secagg.updates import update_in
from strategies.transport.arrays import pack_all
from strategies.transport.contexts import SECAGG
from strategies.transport.grids import failure
from strategies.transport.requests import is_train

if TYPE_CHECKING:  # older versions of Flower have it elsewhere
    from flwr.clientapp.typing import ClientAppCallable

log = logging.getLogger("flwr").log


def secagg_mod(
    message: Message, context: Context, call_next: "ClientAppCallable"
) -> Message:
    """Take part in secure aggregation: the update leaves the client masked only.

    The server needs :class:`strategies.secagg.SecAggGrid`. Put it before all mods that
    change the update, as the first is the outermost. The ClientApp replies to a train
    message as ever; of its reply only the ArrayRecord is used. The client keeps its
    secrets in ``context.state`` between the stages of a round.

    The reply is an error, and the secrets are forgotten, when the ClientApp fails or
    sends what is not finite or does not fit; and when the server asks for the update
    itself, for a stage twice, or for anything that would unmask it.
    """
    if not is_train(message):
        _forget(context)
        return call_next(message, context)
    try:
        return _answer(message, context, call_next)
    except (Exception, SystemExit) as error:
        # Raised further, it would make Flower keep the Context as it was before.
        _forget(context)
        if not isinstance(error, ProtocolError | MalformedReplyError):
            # As Flower does with what is raised.
            log(logging.ERROR, "the ClientApp raised an exception", exc_info=True)
        reason = f"{type(error).__name__}: {error}"
        return failure(message, reason, ErrorCode.CLIENT_APP_RAISED_EXCEPTION)


def _answer(
    message: Message, context: Context, call_next: "ClientAppCallable"
) -> Message:
    """Answer one stage of the protocol."""
    record = message.content.config_records.get(SECAGG)
    if record is None:
        raise ProtocolError(
            "this client sends its update under secure aggregation only: wrap the "
            "server's grid in strategies.secagg.SecAggGrid"
        )
    request, state = dict(record), _recall(context)
    stage = request.get("stage")
    if stage == "keys":
        return _reply(message, context, *advertise(request))
    if stage == "shares":
        return _reply(message, context, *deal(state, request))
    if stage == "upload":
        return _upload(message, context, call_next, state, request)
    answer = reveal(state, request) if stage == "unmask" else {}
    if stage not in ("unmask", "forget"):
        raise ProtocolError(f"unknown stage {stage!r}")
    return _reply(message, context, None, answer)


def _upload(
    message: Message,
    context: Context,
    call_next: "ClientAppCallable",
    state: State,
    request: dict[str, Any],
) -> Message:
    """Let the ClientApp train, and mask what it sends."""
    sent = list(message.content.array_records.values())
    if len(sent) != 1:
        raise ProtocolError(f"sent {len(sent)} ArrayRecords to train on, not one")
    del message.content[SECAGG]
    reply = call_next(message, context)
    if reply.has_error():
        _forget(context)
        return reply
    state, masked, answer = mask(state, request, update_in(reply, sent[0]))
    reply = _reply(message, context, state, answer)
    reply.content[MASKED] = pack_all({MASKED: masked})
    return reply


def _forget(context: Context) -> None:
    if SECAGG in context.state:
        del context.state[SECAGG]


def _recall(context: Context) -> State:
    return dict(context.state.config_records.get(SECAGG, {}))


def _reply(
    message: Message, context: Context, state: State | None, answer: dict[str, Any]
) -> Message:
    """Keep the state, or forget it, and answer."""
    _forget(context)
    if state is not None:
        context.state[SECAGG] = ConfigRecord(state)
    return Message(RecordDict({SECAGG: ConfigRecord(answer)}), reply_to=message)
