"""The private names of Flower that an in-process grid cannot do without.

Checked on Flower 1.41 and 1.42. Since 1.41 ``Message(...)`` reads who sends it from a
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
    """Let this process create messages, as the server of run 1."""
    TaskIdentity.task_id = 1
    TaskIdentity.run_id = RUN_ID
    TaskIdentity.node_id = SERVER_NODE_ID


def empty_run() -> Run:
    """Describe a run that no SuperLink knows."""
    return Run.create_empty(RUN_ID)


def give_id(message: Message) -> str:
    """Give a message an id that no other of this process has, as a SuperLink does."""
    message_id = f"message-{next(_numbers)}"
    message.metadata.__dict__["_message_id"] = message_id
    return message_id


def quiet() -> None:
    """Keep Flower's log to errors.

    Progress is fedrobust's own to show, and what is warned of, such as each reply that
    is quarantined, is in events.jsonl.
    """
    logging.getLogger("flwr").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*run_simulation.*deprecated.*")
