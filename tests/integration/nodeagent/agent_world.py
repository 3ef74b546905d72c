"""A world around one real agent process: a coordinator that the test scripts, a plugin that the test plays."""

from __future__ import annotations

import array
import contextlib
import json
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq
from zmq.utils.z85 import encode as z85

from nodeagent.attachments.vanished import LOOK_EVERY_S
from nodeagent.loop import END_AFTER_S
from protocol import keys
from protocol.wire.codec import decode_to_coordinator, encode
from protocol.wire.messages import (
    Allocate,
    Allocated,
    Claims,
    Declined,
    DeclineKind,
    Gone,
    Hello,
    Labelled,
    LetGo,
    Ping,
    Pong,
    SetLabels,
    ToAgent,
    ToCoordinator,
    Welcome,
)
from protocol.wire.values import Label, LetGoRow

CLUSTER = "c0c0c0c0c0c0"
SEAL = "5ea1" * 8
PATIENCE_S = 30.0
"""How long a test waits for something that must happen; far more than it takes."""

Policy = Callable[[ToCoordinator], list[ToAgent]]


@dataclass
class Object:
    """What the grid has under one id."""

    address: str
    label: Label | None


@dataclass
class Book:
    """What an ordinary coordinator would do; `objects` are what the grid holds."""

    objects: dict[str, Object] = field(default_factory=dict)
    given: int = 1
    reserve: int = 0
    cluster: str = CLUSTER
    journals: list[str] = field(default_factory=list)
    used_by: dict[str, str] = field(default_factory=dict)
    """The container of each id that ever had a label."""

    def answer(self, message: ToCoordinator) -> list[ToAgent]:
        if isinstance(message, Hello):
            return self.welcome(message)
        if isinstance(message, Ping):
            return [Pong(id=message.id)]
        if isinstance(message, Claims | LetGo):
            return self.delete(message)
        if isinstance(message, SetLabels):
            return self.label(message)
        if isinstance(message, Allocate):
            return [self.allocate(message, place) for place in range(len(message.wants))]
        return []

    def welcome(self, hello: Hello) -> list[ToAgent]:
        self.journals.append(hello.journal)
        number = len(self.journals)
        return [Welcome(id=hello.id, number=number, cluster=self.cluster, reserve=self.reserve, release="fake")]

    def allocate(self, message: Allocate, place: int = 0) -> Allocated:
        """The answer to the want at this place of a message."""
        allocation = message.wants[place].allocation
        self.given += 1
        self.objects[allocation] = Object(f"10.55.0.{self.given}", message.label)
        if message.label:
            self.used_by[allocation] = message.label.container_id
        return Allocated(
            id=message.id,
            allocation=allocation,
            view="default",
            subnet="10.55.0.0/24",
            address=self.objects[allocation].address,
            gateway="10.55.0.1",
            seal=SEAL,
            wapi_calls=1,
        )

    def delete(self, message: Claims | LetGo) -> list[ToAgent]:
        ids = [row.allocation for row in rows_of(message)]
        for each in ids:
            self.objects.pop(each, None)
        return [Gone(id=message.id, allocations=ids)] if ids else []

    def label(self, message: SetLabels) -> list[ToAgent]:
        for row in message.labels:
            self.used_by[row.allocation] = row.label.container_id
            if row.allocation in self.objects:
                self.objects[row.allocation].label = row.label
        return [Labelled(id=message.id, allocations=[row.allocation for row in message.labels])]

    def containers(self) -> set[str]:
        """Whose addresses the grid holds; `reserve` for those that nobody has."""
        return {each.label.container_id if each.label else "reserve" for each in self.objects.values()}


def rows_of(message: Claims | LetGo) -> Sequence[LetGoRow]:
    """What a message lets go."""
    return message.let_go if isinstance(message, Claims) else message.allocations


def decline(message: Allocate) -> Declined:
    """What a full network is answered with."""
    return Declined(
        id=message.id,
        allocation=message.wants[0].allocation,
        kind=DeclineKind.TRY_AGAIN,
        code=11,
        msg="the network is full",
        details="Add addresses",
    )


class FakeCoordinator:
    """A ROUTER with CURVE and an authenticator, whose answers the test decides."""

    def __init__(self, pair: keys.KeyPair, authorized: set[bytes], endpoint: str = "tcp://127.0.0.1:*") -> None:
        self.book = Book()
        self.policy: Policy = self.book.answer
        self.received: queue.Queue[ToCoordinator] = queue.Queue()
        self._authorized = authorized
        self._context = zmq.Context()
        self._commands = self._context.socket(zmq.PULL)
        self._commands.bind("inproc://commands")
        self._zap = self._context.socket(zmq.REP)
        self._zap.bind("inproc://zeromq.zap.01")
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 0)
        self._router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._router.setsockopt(zmq.CURVE_SERVER, 1)
        self._router.setsockopt(zmq.ZAP_DOMAIN, b"agents")
        self._router.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        self._router.curve_secretkey = pair.secret
        self._router.bind(endpoint)
        self.endpoint = self._router.getsockopt(zmq.LAST_ENDPOINT).decode().rstrip("\0")
        self._thread = threading.Thread(target=self._serve, name="fake coordinator")
        self._thread.start()

    def expect(self, kind: type[Any]) -> Any:
        """The next message of this kind; others before it are skipped."""
        while True:
            message = self.received.get(timeout=PATIENCE_S)
            if isinstance(message, kind):
                return message

    def send(self, message: ToAgent) -> None:
        """Say something to the newest connection, unasked."""
        self._command(encode(message))

    def stop(self) -> None:
        """Close the port, and with it the agent's connection."""
        if self._thread.is_alive():
            self._stop()

    def _stop(self) -> None:
        self._command(b"")
        self._thread.join(PATIENCE_S)
        self._context.destroy(linger=0)

    def _command(self, data: bytes) -> None:
        with self._context.socket(zmq.PUSH) as push:
            push.connect("inproc://commands")
            push.send(data)

    def _serve(self) -> None:
        poller = zmq.Poller()
        for sock in (self._commands, self._zap, self._router):
            poller.register(sock, zmq.POLLIN)
        peer = b""
        while True:
            ready = dict(poller.poll())
            if self._zap in ready:
                self._authenticate()
            if self._router in ready:
                peer, data = self._router.recv_multipart()
                message = decode_to_coordinator(data)
                for answer in self.policy(message):
                    with contextlib.suppress(zmq.ZMQError):
                        self._router.send_multipart([peer, encode(answer)])
                self.received.put(message)
            if self._commands in ready:
                data = self._commands.recv()
                if not data:
                    return
                self._router.send_multipart([peer, data])

    def _authenticate(self) -> None:
        version, request_id, *_, key = self._zap.recv_multipart()
        code = b"200" if z85(key) in self._authorized else b"400"
        self._zap.send_multipart([version, request_id, code, b"", b"node-1", b""])


@dataclass(frozen=True)
class Answer:
    """What the plugin would print and return."""

    exit_code: int
    stdout: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def address(self) -> str:
        assert self.exit_code == 0, self
        address: str = self.json["ips"][0]["address"]
        return address


def frame_of(variables: Mapping[str, str], stdin: bytes) -> bytes:
    """A request in the bytes of the protocol, written apart from the agent's own code."""
    packed = b"".join(
        struct.pack(">I", len(text)) + text for text in (f"{k}={v}".encode() for k, v in variables.items())
    )
    body = bytes([len(variables)]) + packed + stdin
    return struct.pack(">BI", 1, len(body)) + body


def a_config(**changes: Any) -> dict[str, Any]:
    """A network configuration; a value of None removes its key."""
    config = {"cniVersion": "1.0.0", "name": "pods", "type": "bridge", "ipam": {"type": "infoblox"}, **changes}
    return {key: value for key, value in config.items() if value is not None}


class Plugin:
    """One exec of the plugin: a connection that has sent its request."""

    def __init__(self, path: Path, frame: bytes, descriptors: list[int]) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE_S)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        try:
            self.sock.connect(str(path))
            sent = self.sock.sendmsg([frame], rights)
            self.sock.sendall(frame[sent:])
        except OSError:
            self.sock.close()
            raise

    def answer(self) -> Answer:
        with self.sock:
            code, length = struct.unpack(">BI", self._exactly(5))
            answer = Answer(code, self._exactly(length))
            assert self.sock.recv(1) == b""
            return answer

    def kill(self) -> None:
        self.sock.close()

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.sock.recv(size - len(data))
            if not piece:
                raise ConnectionResetError("the agent hung up")
            data += piece
        return data


_LAUNCHER = """
import os, signal, sys
from nodeagent import loop, settings
from nodeagent.attachments import vanished
from nodeagent.__main__ import run
vanished.LOOK_EVERY_S = float(os.environ["LOOK_EVERY_S"])
loop.END_AFTER_S = float(os.environ["END_AFTER_S"])
def on_crash_point(name):
    if name == os.environ["KILL_AT"]:
        os.kill(os.getpid(), signal.SIGKILL)
sys.exit(run(settings.read(sys.argv[1:]), on_crash_point))
"""


@dataclass(frozen=True)
class Staging:
    """How a test has the agent run: killed at a step, in a hurry, inside another command, with more variables."""

    kill_at: str = ""
    look_every_s: float = LOOK_EVERY_S
    end_after_s: float = END_AFTER_S
    inside: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class AgentEnded(Exception):
    """The process ended before it said what was expected."""


class Agent:
    """One process of the real command."""

    def __init__(self, arguments: list[str], staging: Staging | None = None) -> None:
        command = [sys.executable, "-m", "nodeagent"]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CNI_INFOBLOX_")}
        if staging:
            command = [*staging.inside, sys.executable, "-c", _LAUNCHER]
            environment |= {
                "KILL_AT": staging.kill_at,
                "LOOK_EVERY_S": str(staging.look_every_s),
                "END_AFTER_S": str(staging.end_after_s),
                **staging.environment,
            }
        self._process = subprocess.Popen(
            [*command, *arguments], stderr=subprocess.PIPE, text=True, env=environment
        )
        self.lines: list[str] = []
        self._fresh: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name="agent log")
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def expect_log(self, *texts: str) -> str:
        """Wait for fresh lines with these texts, in any order; the last of them."""
        missing = set(texts)
        while True:
            line = self._fresh.get(timeout=PATIENCE_S)
            if line is None:
                raise AgentEnded(f"without saying {missing}: {self.lines}")
            missing -= {text for text in missing if text in line}
            if not missing:
                return line

    def is_running(self) -> bool:
        return self._process.poll() is None

    def has_said(self, text: str) -> bool:
        return any(text in line for line in self.lines)

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self._process.kill()
        self.wait()

    def wait(self) -> int:
        code = self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code

    def _read(self) -> None:
        assert self._process.stderr
        with self._process.stderr as stderr:
            for line in stderr:
                self.lines.append(line)
                self._fresh.put(line)
        self._fresh.put(None)


class World:
    """Directories, keys, one coordinator, at most one agent at a time."""

    def __init__(self, directory: Path, socket_dir: Path) -> None:
        self.directory = directory
        self.socket_dir = socket_dir
        self.run_dir = directory / "run"
        self.key_dir = directory / "keys"
        self.key_dir.mkdir()
        self.coordinator_pair, self.agent_pair = keys.generate(), keys.generate()
        keys.write_pair(self.key_dir, "agent", self.agent_pair)
        keys.write_public(self.key_dir, "coordinator", self.coordinator_pair.public)
        self.authorized = {self.agent_pair.public}
        self.coordinator = FakeCoordinator(self.coordinator_pair, self.authorized)
        self.endpoint = self.coordinator.endpoint
        self._agents: list[Agent] = []
        self._namespaces: list[int] = []

    @property
    def socket_path(self) -> Path:
        return self.socket_dir / "infoblox.sock"

    @property
    def pending_dir(self) -> Path:
        return self.socket_dir / "infoblox.pending"

    def arguments(self, **changes: str) -> list[str]:
        flags = {
            "coordinator": self.endpoint,
            "keys": str(self.key_dir),
            "node-name": "node-1",
            "socket-dir": str(self.socket_dir),
            "run-dir": str(self.run_dir),
            "machine": "machine-1",
            "status-listen": "127.0.0.1:0",
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        return [part for name, value in flags.items() for part in (f"--{name}", value)]

    def launch(self, staging: Staging | None = None, **changes: str) -> Agent:
        agent = Agent(self.arguments(**changes), staging)
        self._agents.append(agent)
        return agent

    def start(self, staging: Staging | None = None, **changes: str) -> Agent:
        """An agent that is connected and serves."""
        agent = self.launch(staging, **changes)
        agent.expect_log("serving", "coordinator_reached")
        return agent

    def restart_coordinator(self) -> None:
        book = self.coordinator.book
        self.coordinator.stop()
        self.coordinator = FakeCoordinator(self.coordinator_pair, self.authorized, self.endpoint)
        self.coordinator.book.__dict__.update(book.__dict__)

    def call(
        self,
        verb: str,
        container: str = "c1",
        ifname: str = "eth0",
        config: Any = None,
        netns: int | None = None,
        **variables: str,
    ) -> Plugin:
        """Exec the plugin; an ADD gets this process's own namespace unless told otherwise."""
        all_variables = {"CNI_COMMAND": verb, "CNI_CONTAINERID": container, "CNI_IFNAME": ifname, **variables}
        descriptors = []
        if verb == "ADD":
            all_variables.setdefault("CNI_NETNS", "/run/netns/t")
            descriptors = [self.own_namespace() if netns is None else netns]
        stdin = config if isinstance(config, bytes) else json.dumps(config or a_config()).encode()
        return Plugin(self.socket_path, frame_of(all_variables, stdin), descriptors)

    def add(self, container: str = "c1", ifname: str = "eth0", **changes: Any) -> Answer:
        return self.call("ADD", container, ifname, **changes).answer()

    def delete(self, container: str = "c1", ifname: str = "eth0", **changes: Any) -> Answer:
        return self.call("DEL", container, ifname, **changes).answer()

    def raw(self, frame: bytes, descriptors: list[int]) -> Plugin:
        return Plugin(self.socket_path, frame, descriptors)

    def pending_names(self) -> list[str]:
        return sorted(os.listdir(self.pending_dir))

    def open_files(self, agent: Agent) -> int:
        return len(os.listdir(f"/proc/{agent.pid}/fd"))

    def own_namespace(self) -> int:
        descriptor = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._namespaces.append(descriptor)
        return descriptor

    def next_let_go(self) -> str:
        """The container whose allocation the next let_go names."""
        while True:
            message = self.coordinator.received.get(timeout=PATIENCE_S)
            if isinstance(message, Claims | LetGo):
                for row in rows_of(message):
                    return self.coordinator.book.used_by[row.allocation]

    def until_only(self, containers: set[str]) -> None:
        """Wait until the coordinator knows these containers' attachments alone."""
        while self.coordinator.book.containers() != containers:
            self.coordinator.received.get(timeout=PATIENCE_S)

    def close(self) -> None:
        for agent in self._agents:
            agent.kill()
        self.coordinator.stop()
        for descriptor in self._namespaces:
            os.close(descriptor)


def fetch(port: int, path: str) -> tuple[int, bytes]:
    """Status code with body of a page of the agent."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_S) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def lines_of(agent: Agent, text: str) -> Iterator[str]:
    """All log lines so far with `text`."""
    return (line for line in agent.lines if text in line)
