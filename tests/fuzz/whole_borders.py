"""Random and damaged input goes through both daemons; afterwards they live, and serve what is valid."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping

from protocol.texts import is_fit
from protocol.wire.allocation_id import hash_boot
from protocol.wire.codec import encode
from protocol.wire.messages import Hello
from tests.fuzz.grid_borders import lies_of, told
from tests.fuzz.plugin_borders import NETCONF, VARIABLES
from tests.fuzz.whole_agent import IDENTITY, AgentWorld
from tests.fuzz.whole_log import texts_of
from tests.fuzz.whole_world import STRANGER, CoordinatorWorld, Lie, Timer

PROOF = (
    b'{"cniVersion": "1.0.0", "name": "proof", "type": "bridge",'
    b' "ipam": {"type": "infoblox", "subnet": "10.56.0.0/24", "gateway": "0.0.0.1"}}'
)
"""A network that no other configuration names, whose gateway no pod can have got."""

POD_ARGS = "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_UID=uid-1"


class WholeWorld:
    """An agent with its coordinator and its grid."""

    def __init__(self, lie: Lie | None = None) -> None:
        self.timer = Timer()
        self.coordinator = CoordinatorWorld(self.timer, lie or (lambda number, body: body), self._to_agent)
        self.agent = AgentWorld(self.timer, self._to_coordinator)
        self.settle()

    def __enter__(self) -> WholeWorld:
        return self

    def __exit__(self, *_: object) -> None:
        self.agent.close()
        self.coordinator.close()

    def settle(self) -> None:
        """Let everything happen that happens at this moment."""
        for _ in range(4):
            self.agent.turn()
            self.coordinator.turn()

    def pass_time(self, seconds: int) -> None:
        """Let time pass, second by second."""
        for _ in range(seconds):
            self.timer.now_s += 1.0
            self.settle()

    def exchange(self, data: bytes, seconds: int = 60) -> bytes | None:
        """The answer to a plugin that sends these bytes; None where they are no whole request."""
        caller = self.agent.plugins.connect(data)
        if caller is None:
            return None
        self.settle()
        for _ in range(seconds):
            if caller in self.agent.plugins.answers:
                break
            self.pass_time(1)
        answer = self.agent.plugins.answers[caller]
        check_answer(answer)
        return answer

    def serves(self) -> None:
        """A pod of another network gets an address, and gives it back."""
        for verb in ("ADD", "DEL"):
            assert_succeeded(self.exchange(request(verb, "proof", PROOF)))

    def _to_agent(self, connection: bytes, payload: bytes) -> None:
        if connection == b"n1-1":
            self.agent.wire.deliver(payload)

    def _to_coordinator(self, payload: bytes) -> None:
        self.coordinator.hear(self.coordinator.key, payload)


def request(verb: str, container: str, stdin: bytes, cni_args: str = POD_ARGS) -> bytes:
    """The bytes of a plugin."""
    variables = {**VARIABLES, "CNI_COMMAND": verb, "CNI_CONTAINERID": container, "CNI_ARGS": cni_args}
    return frame(variables, stdin)


def frame(variables: Mapping[str, str], stdin: bytes) -> bytes:
    """A frame, as the plugin writes it."""
    texts = [f"{name}={value}".encode("utf-8", "surrogateescape") for name, value in variables.items()]
    body = bytes([len(texts)]) + b"".join(struct.pack(">I", len(text)) + text for text in texts) + stdin
    return struct.pack(">BI", 1, len(body)) + body


def assert_succeeded(answer: bytes | None) -> None:
    """A valid request was served."""
    assert answer is not None
    assert answer[0] == 0, answer


def check_answer(answer: bytes) -> None:
    """A runtime can read it: an exit code, then nothing or JSON whose texts are fit."""
    exit_code, length = struct.unpack_from(">BI", answer)
    printed = answer[5:]
    assert len(printed) == length
    assert exit_code in (0, 1, 255)
    if printed and exit_code:
        assert all(map(is_fit, texts_of(json.loads(printed)))), printed


def through_frame(data: bytes) -> None:
    """Bytes of a plugin; once more with a header that fits, so that damage reaches the body."""
    with WholeWorld() as world:
        world.exchange(data)
        world.exchange(struct.pack(">BI", 1, len(data[5:])) + data[5:])
        world.serves()


def through_config(stdin: bytes) -> None:
    """A network configuration, with every verb; a node that comes back asks again, as a restart would."""
    with WholeWorld() as world:
        for verb in ("ADD", "CHECK", "ADD", "GC", "DEL", "STATUS"):
            world.exchange(request(verb, "a", stdin))
        world.serves()


def through_cni_args(data: bytes) -> None:
    """What a pod is called."""
    with WholeWorld() as world:
        cni_args = data.decode("utf-8", "surrogateescape")
        assert_succeeded(world.exchange(request("ADD", "a", NETCONF, cni_args)))
        for stored in world.coordinator.grid.objects("fixedaddress"):
            assert all(map(is_fit, texts_of(stored))), stored
        world.serves()


def through_message(data: bytes) -> None:
    """Bytes to the coordinator: of the node, of another connection with its key, of a key that nobody knows."""
    with WholeWorld() as world:
        world.coordinator.hear(world.coordinator.key, data)
        world.coordinator.hear(world.coordinator.key, hello(), b"n1-2")
        world.coordinator.hear(world.coordinator.key, data, b"n1-2")
        world.coordinator.hear(STRANGER, data, b"s-1")
        world.pass_time(40)
        world.serves()


def through_answer(data: bytes) -> None:
    """Bytes to the agent, before an ADD and while one waits for its answer."""
    with WholeWorld() as world:
        world.agent.wire.deliver(data)
        world.settle()
        world.agent.plugins.connect(request("ADD", "a", NETCONF))
        world.agent.turn()
        world.agent.wire.deliver(data)
        world.pass_time(40)
        world.serves()


def through_reply(data: bytes) -> None:
    """A list of [number of the HTTP call, path into its true reply, what stands there instead]."""
    lies = lies_of(data)
    with WholeWorld(lambda number, body: told(lies.get(number, []), body)) as world:
        for container in ("a", "b"):
            world.exchange(request("ADD", container, NETCONF))
        world.exchange(request("DEL", "a", NETCONF))
        world.pass_time(70)
        lies.clear()
        world.pass_time(130)
        world.serves()


def hello() -> bytes:
    """A hello of the node, in the boot of its agent."""
    boot = hash_boot(IDENTITY.boot_id)
    return encode(
        Hello(id="h2", node="n1", machine=IDENTITY.machine, boot=boot, driver="infoblox", journal=IDENTITY.journal)
    )
