"""Serves a stub cluster over HTTPS, with the credentials for it as a pod finds them in its file system."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from gridsim.http.certificate import ensure_certificate
from protocol.host_port import HostPort
from tests.kubernetes_stub.answers import WatchFrom, answer, denied, in_namespace, reduced, typed
from tests.kubernetes_stub.asked import Answer, Asked, status
from tests.kubernetes_stub.cluster import StubCluster, Watched

COORDINATOR: Final = "cni-infoblox-coordinator"
HANDSHAKE_S: Final = 10.0
WATCH_POLL_S: Final = 0.1
END_POLL_S: Final = 0.02


class KubernetesStub:
    """An API server as a context manager. `hold`, `forbidden`, `busy`, `instead` and `down` make it misbehave.

    `credentials` is what a coordinator in `namespace` has at /var/run/secrets/kubernetes.io/serviceaccount. A
    listening socket that was made in another network namespace may be passed in, and the cluster of another stub:
    two API servers of one cluster, of which one may be `down`.
    """

    def __init__(
        self,
        directory: Path,
        address: str = "127.0.0.1",
        listener: socket.socket | None = None,
        cluster: StubCluster | None = None,
        namespace: str = "kube-system",
    ) -> None:
        self.cluster = cluster or StubCluster()
        self.requests: list[tuple[str, str]] = []
        self.accepted: list[str] = []
        self.user_agents: set[str] = set()
        """The header Accept of each request."""
        self.forbidden = False
        self.busy = False
        self.allows: Callable[[Asked], bool] = lambda asked: True
        """What RBAC grants."""
        self.instead: Callable[[str, socket.socket], bool] = lambda path, connection: False
        """Sends whatever it wants in place of an answer; returns whether it did. A hang-up raises OSError."""
        self._directory = directory
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._address = address
        self._namespace = namespace
        self._go = threading.Event()
        self._go.set()
        self._arrived = threading.Condition()
        self._certificate, self._key = ensure_certificate(directory / "tls", [address])
        self._listener = listener or self._listen(0)
        self.port = int(self._listener.getsockname()[1])
        self._server: _Server | None = None
        self.credentials = directory / "serviceaccount"
        self._write_credentials()

    def __enter__(self) -> KubernetesStub:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()
        self._listener.close()

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"https://{HostPort(self._address, self.port)}"

    def _listen(self, port: int) -> socket.socket:
        return socket.create_server((self._address, port), family=self._family, backlog=64)

    def token_file(self, name: str, token: str) -> Path:
        """A file that holds a token, as a projected volume would; written again it holds the new one."""
        path = self._directory / f"{name}.token"
        path.write_text(token)
        return path

    def rotate_credentials(self) -> None:
        """Give the component under test a new token; the old one is refused from now on."""
        self._write_credentials()

    def hold(self) -> None:
        """Take requests and answer none of them, until `release`."""
        self._go.clear()

    def release(self) -> None:
        """Answer again."""
        self._go.set()

    def cut_watches(self) -> None:
        """Cut the connections of all watches, as a load balancer does."""
        if self._server is not None:
            self._server.cut_watches()

    def wait_for_watches(self, count: int, timeout_s: float = 20) -> None:
        """Wait until so many watches are open. Raises TimeoutError."""
        assert self._server
        self._server.wait_for_watches(count, timeout_s)

    def down(self) -> None:
        """Refuse connections; those that are open are cut."""
        self._go.set()
        if self._server is not None:
            self._server.end()
            self._server = None
            self._listener.close()

    def up(self) -> None:
        """Serve, on the port as before."""
        if self._server is not None:
            return
        if self._listener.fileno() == -1:
            self._listener = self._listen(self.port)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, self._key)
        self._server = _Server(self._listener, context, self)
        self._server.start()

    def wait_for_requests(self, count: int, timeout_s: float = 20) -> None:
        """Wait until so many requests in all have come in. Raises TimeoutError."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.requests) >= count, timeout_s):
                raise TimeoutError(f"{len(self.requests)} of {count} requests")

    def serve(self, method: str, path: str, headers: Any, body: bytes) -> Answer | WatchFrom:
        """The answer to one request, once the stub is not held."""
        with self._arrived:
            self.requests.append((method, path))
            self.accepted.append(headers.get("Accept") or "")
            self.user_agents.add(headers.get("User-Agent") or "")
            self._arrived.notify_all()
        self._go.wait()
        if headers.get("Authorization") != f"Bearer {self._token}":
            return status(401, "Unauthorized")
        if self.forbidden:
            return status(
                403, 'User "system:serviceaccount:kube-system:default" cannot do this at the cluster scope'
            )
        if self.busy:
            return status(429, "Too many requests, please try again later.")
        path, _, query = path.partition("?")
        accept, content_type = headers.get("Accept") or "", headers.get("Content-Type") or ""
        asked = Asked(method, path, dict(parse_qsl(query)), accept, body, content_type)
        if not self.allows(asked):
            return denied(asked, f"system:serviceaccount:{self._namespace}:{COORDINATOR}")
        return answer(self.cluster, asked)

    def _write_credentials(self) -> None:
        issued = self.cluster.issue("control-plane", service_account=f"{self._namespace}:{COORDINATOR}")
        self._token = issued.token
        self.credentials.mkdir(exist_ok=True)
        (self.credentials / "token").write_text(issued.token)
        (self.credentials / "ca.crt").write_bytes(self._certificate.read_bytes())
        (self.credentials / "namespace").write_text(self._namespace)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, listener: socket.socket, context: ssl.SSLContext, stub: KubernetesStub) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.stub = stub
        self.is_over = False
        self._context = context
        self._open: set[socket.socket] = set()
        self._watching: set[socket.socket] = set()
        self._watches = threading.Condition()
        self._thread = threading.Thread(target=self.serve_forever, args=(END_POLL_S,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self.is_over = True
        self.shutdown()
        self.server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    @contextlib.contextmanager
    def watching(self, connection: socket.socket) -> Iterator[None]:
        with self._watches:
            self._watching.add(connection)
            self._watches.notify_all()
        try:
            yield
        finally:
            with self._watches:
                self._watching.discard(connection)

    def cut_watches(self) -> None:
        with self._watches:
            cut, self._watching = self._watching, set()
        for connection in cut:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def wait_for_watches(self, count: int, timeout_s: float) -> None:
        with self._watches:
            if not self._watches.wait_for(lambda: len(self._watching) >= count, timeout_s):
                raise TimeoutError(f"{len(self._watching)} of {count} watches")

    def get_request(self) -> tuple[socket.socket, Any]:
        plain, address = super().get_request()
        secured = self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self._open.add(secured)
        return secured, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what tests are made of."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        self.request.settimeout(HANDSHAKE_S)
        self.request.do_handshake()
        self.request.settimeout(None)
        super().setup()

    def do_GET(self) -> None:
        self._exchange(b"")

    def do_PUT(self) -> None:
        self.do_POST()

    def do_PATCH(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        self._exchange(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _exchange(self, body: bytes) -> None:
        reply = self.server.stub.serve(self.command, self.path, self.headers, body)
        if self.server.stub.instead(self.path, self.request):
            self.close_connection = True
            return
        if isinstance(reply, WatchFrom):
            self._watch(reply)
            return
        data = json.dumps(reply.body).encode()
        self.send_response(reply.code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _watch(self, asked: WatchFrom) -> None:
        cluster, version = self.server.stub.cluster, asked.version
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        end_s = None if asked.timeout_s is None else time.monotonic() + asked.timeout_s
        with self.server.watching(self.request):
            while not self.server.is_over and (end_s is None or time.monotonic() < end_s):
                with cluster.changed:
                    try:
                        events = cluster.events_since(asked.kind, version)
                    except LookupError:
                        gone = status(410, f"too old resource version: {version} ({cluster.oldest_version})")
                        self._chunk({"type": "ERROR", "object": gone.body})
                        break
                    if not events:
                        cluster.changed.wait(WATCH_POLL_S)
                        continue
                for event in events:
                    version = event.version
                    self._tell(asked, event)
        self.wfile.write(b"0\r\n\r\n")

    def _tell(self, asked: WatchFrom, event: Watched) -> None:
        if event.type == "BOOKMARK" and not asked.bookmarks:
            return
        if in_namespace(event.object, asked.namespace):
            found = reduced(event.object) if asked.metadata_only else typed(asked.kind, event.object)
            self._chunk({"type": event.type, "object": found})

    def _chunk(self, body: Any) -> None:
        data = json.dumps(body).encode() + b"\n"
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, the base class's name
        """The list of requests is the log."""
