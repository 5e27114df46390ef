"""A Flower Grid with all nodes in this process."""

import copy
import logging
import traceback
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from logging import DEBUG
from typing import Any, Self

from flwr.app import (
    ArrayRecord,
    ConfigRecord,
    Context,
    Message,
    MetricRecord,
    RecordDict,
)
from flwr.clientapp import ClientApp
from flwr.common.constant import ErrorCode

from fedrobust.runtime.flower import RUN_ID, empty_run, give_id, identify_process
from strategies.transport.contexts import Kept, kept_in, records_of
from strategies.transport.grids import GuardedGrid, failure, vouched

log = logging.getLogger("flwr").log

# Node ids are partition ids plus this, so that their order is that of the partitions.
FIRST_NODE_ID = 1000


class LocalGrid(GuardedGrid):
    """A grid that calls a ClientApp for each message.

    Parameters
    ----------
    client_app
        Called once per message, with the Context of its node.
    num_nodes
        Number of nodes; node i has partition id i.
    workers
        Number of messages that are handled at the same time.
    """

    def __init__(self, client_app: ClientApp, num_nodes: int, workers: int) -> None:
        identify_process()
        self._client_app = client_app
        self._run = empty_run()
        self._contexts = {
            FIRST_NODE_ID + i: Context(
                run_id=RUN_ID,
                node_id=FIRST_NODE_ID + i,
                node_config={"partition-id": i, "num-partitions": num_nodes},
                state=RecordDict(),
                run_config={},
            )
            for i in range(num_nodes)
        }
        self._pool = ThreadPoolExecutor(workers)
        self._replies: dict[str, Message] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # After Ctrl-C, do not wait for the local training that is under way.
        is_interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        self._pool.shutdown(wait=not is_interrupted, cancel_futures=True)

    def kept(self) -> dict[int, Kept]:
        """Return what each client keeps in its Context, by partition id."""
        kept = {
            int(context.node_config["partition-id"]): kept_in(context.state)
            for context in self._contexts.values()
        }
        return {client: records for client, records in kept.items() if records}

    def restore(self, kept: Mapping[int, Kept]) -> None:
        """Restore the clients' Contexts from the result of ``kept``."""
        for context in self._contexts.values():
            client = int(context.node_config["partition-id"])
            context.state = records_of(kept.get(client, {}))

    def set_run(self, run: Any) -> None:
        """Store the run; no SuperLink is involved."""
        self._run = run

    @property
    def run(self) -> Any:
        """The run, which is empty unless set."""
        return self._run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Return a new message, as Flower's grids do."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        """Return the ids of all nodes."""
        return list(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Handle messages immediately, and store their replies to be pulled."""
        replies = self.send_and_receive(messages)
        self._replies.update({r.metadata.reply_to_message_id: r for r in replies})
        return [r.metadata.reply_to_message_id for r in replies]

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return the stored replies to messages, and forget them."""
        known = [i for i in message_ids if i in self._replies]
        return [self._replies.pop(i) for i in known]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Handle messages on threads, and return replies in the order of the messages.

        ``timeout`` is ignored, because a thread cannot be stopped from outside.
        """
        return list(self._pool.map(self._handle, list(messages)))

    def _handle(self, message: Message) -> Message:
        """Call the ClientApp; any exception becomes an error reply."""
        give_id(message)
        node_id = message.metadata.dst_node_id
        received = copy.copy(message)
        received.content = _copy(message.content)
        context = self._contexts[node_id]
        # A client that fails does not change its state, as on every other runtime.
        working = copy.copy(context)
        working.state = _copy(context.state)
        try:
            reply = self._client_app(received, working)
            if not isinstance(reply, Message):
                raise TypeError(
                    f"the ClientApp returned a {type(reply).__name__}, not a Message"
                )
            reply = vouched(reply, message)
        except (Exception, SystemExit) as error:
            log(DEBUG, "node %d raised:\n%s", node_id, traceback.format_exc())
            reason = f"{type(error).__name__}: {error}"
            reply = failure(message, reason, ErrorCode.CLIENT_APP_RAISED_EXCEPTION)
        else:
            self._contexts[node_id] = working
        give_id(reply)
        return reply


def _copy(content: RecordDict) -> RecordDict:
    """Copy records, but not the bytes of arrays, which are immutable.

    A strategy sends the same RecordDict to all clients, so a client that changes its
    message must not change those of others.
    """
    copied = RecordDict()
    for name, record in content.items():
        if isinstance(record, ArrayRecord):
            copied[name] = ArrayRecord(dict(record))
        elif isinstance(record, MetricRecord):
            copied[name] = MetricRecord(copy.deepcopy(dict(record)))
        else:
            copied[name] = ConfigRecord(copy.deepcopy(dict(record)))
    return copied
