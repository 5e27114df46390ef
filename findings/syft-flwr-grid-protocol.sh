#!/usr/bin/env bash
# syft-flwr: SyftGrid is a Flower Grid whose push_messages and pull_messages are not
# those of Flower.
#
# push_messages gives UUIDs and leaves the messages without an id; a message that cannot
# be sent is left out, so that the rest move up. pull_messages gives a tuple of a
# dictionary and a set, not messages. A strategy that calls send_and_receive notices
# nothing of it. Needs Python 3.12.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.12}" -m venv "$folder/venv"
# What syft-flwr 0.5.3 pins, without Ray and flwr-datasets.
"$folder/venv/bin/pip" install --quiet flwr==1.25.0 syft-rds==0.5.0 syft-client==0.1.94 \
  syft-job==0.1.23 syft-dataset==0.1.5 tomli-w==1.2.0 safetensors==0.8.0 loguru==0.7.3
"$folder/venv/bin/pip" install --quiet --no-deps syft-flwr==0.5.3
cat > "$folder/seen.py" <<'PY'
from importlib.metadata import version
from uuid import uuid4

from flwr.app import Message, RecordDict
from syft_flwr.client.protocol import SyftFlwrClient
from syft_flwr.fl_orchestrator.syft_grid import SyftGrid
from syft_flwr.rpc.protocol import SyftFlwrRpc
from syft_flwr.serde import bytes_to_flower_message, flower_message_to_bytes


class Scientist(SyftFlwrClient):
    email = "scientist@example.org"
    config_path = my_datasite = datasites = app_data = get_client = None


class Carrier(SyftFlwrRpc):
    replies = {}

    def send(self, to_email, app_name, endpoint, body, encrypt=False):
        if to_email.startswith("absent"):
            raise OSError("no such folder")
        message = bytes_to_flower_message(body)
        future = uuid4()
        reply = Message(RecordDict(), reply_to=message)
        self.replies[future] = flower_message_to_bytes(reply)
        return future

    def get_response(self, future_id):
        return self.replies.get(future_id)

    def delete_future(self, future_id):
        del self.replies[future_id]


owners = ["absent@example.org", "owner@example.org"]
grid = SyftGrid("app", owners, Scientist(), Carrier())
grid.set_run(1)
messages = [Message(RecordDict(), node, "train") for node in grid.get_node_ids()]
ids = grid.push_messages(messages)
print(f"syft-flwr {version('syft-flwr')}")
print(f"2 messages pushed: {len(ids)} id, a {type(ids[0]).__name__}")
print("ids of the messages:", [m.metadata.message_id for m in messages])
pulled = grid.pull_messages(ids)
print("pulled:", type(pulled).__name__, [type(part).__name__ for part in pulled])
PY
"$folder/venv/bin/python" "$folder/seen.py" 2> /dev/null | tee "$folder/seen"
cat > "$folder/expected" <<'TEXT'
syft-flwr 0.5.3
2 messages pushed: 1 id, a UUID
ids of the messages: ['', '']
pulled: tuple ['dict', 'set']
TEXT
cmp -s "$folder/seen" "$folder/expected" || { echo "changed"; exit 1; }
