"""The private names of Flower that an in-process grid needs.

Checked with Flower 1.41 and 1.42. Since 1.41, ``Message(...)`` reads its sender from a
process-wide identity, which Flower sets only in processes that it started itself.
"""

import logging
import warnings
from itertools import count

from flwr.app import Message
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

RUN_ID = 1
SERVER_NODE_ID = 1

_numbers = count(1)


def identify_process() -> None:
    """Set the identity of this process, the server of run 1, to create messages."""
    TaskIdentity.task_id = 1
    TaskIdentity.run_id = RUN_ID
    TaskIdentity.node_id = SERVER_NODE_ID


def empty_run() -> Run:
    """Return a run that is not registered with any SuperLink."""
    return Run.create_empty(RUN_ID)


def give_id(message: Message) -> str:
    """Assign a message an id that is unique in this process, as a SuperLink does."""
    message_id = f"message-{next(_numbers)}"
    message.metadata.__dict__["_message_id"] = message_id
    return message_id


def quiet() -> None:
    """Restrict Flower's log to errors.

    fedrobust shows the progress itself, and records what Flower would warn of, such as
    quarantined replies, in events.jsonl.
    """
    logging.getLogger("flwr").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*run_simulation.*deprecated.*")
