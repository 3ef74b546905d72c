"""The coordinator's settings; names, meanings, defaults of the grid's flags are the original daemon's."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from coordinator.cluster.token_claims import TokenRules
from coordinator.core.attributes import AttributeNames
from coordinator.core.networks import NetworkRules
from coordinator.grid.certificates import fault_of_authorities
from coordinator.grid.wapi import Grid
from coordinator.history.streams import checked_stream
from coordinator.lease.election import Timings
from coordinator.setting_rules import check
from daemon.settings import BadSettings, ByCommas, DaemonSettings, Endpoint, Listen, NotJson, make_parser, read
from protocol.admin.messages import ADMIN_SOCKET
from protocol.cluster_id import CLUSTER_ID_FILE, is_cluster_id
from protocol.host_port import HostPort, host_alone
from protocol.subnets import block_without_hosts

DEFAULT_CLUSTER_NAME: Final = "cluster-1"
PASSWORD_VARIABLE: Final = "WAPI_PASSWORD"
LINE_END: Final = "\r\n"
"""What an editor, or `echo` before a pipe, leaves behind a password."""

_SERVICE_ACCOUNT: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?:[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_OBJECT_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
NAME_LENGTH_MAX: Final = 253
_HTTPS: Final = "https://"
_HTTPS_PORT: Final = 443


def _cidr(value: str) -> str:
    try:
        return str(IPv4Network(value))
    except ValueError as error:
        raise ValueError(f"{value} is no IPv4 network: {error}") from None


def _with_hosts(value: str) -> str:
    if block := block_without_hosts(IPv4Network(value)):
        raise ValueError(f"{value} reaches into {block}, of which no pod can have an address")
    return value


def _verify(value: str) -> str:
    if value.lower() in ("true", "false"):
        return value.lower()
    if fault := fault_of_authorities(value):
        raise ValueError(f"must be true, false or the file of a certificate authority; {fault}")
    return value


def _api(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        at = HostPort.parse(value.removeprefix(_HTTPS), _HTTPS_PORT)
    except ValueError:
        at = None
    if at is None or not at.is_peer or not value.startswith(_HTTPS):
        raise ValueError("must be of the form https://HOST:PORT, an IPv6 address in brackets")
    return f"{_HTTPS}{at}"


def _api_of_environment() -> str | None:
    """Where kubelet says that the API server is; every pod is told so."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", str(_HTTPS_PORT))
    return f"{_HTTPS}{host}:{port}" if host else None


def _host(value: str) -> str:
    try:
        return host_alone(value)
    except ValueError:
        raise ValueError(f"{value!r} must be a host name or address alone (see also --wapi-port)") from None


def _version(value: str) -> str:
    if not re.fullmatch(r"\d+(\.\d+)+", value):
        raise ValueError(f"{value!r} must be numbers with dots between them, such as 2.5 or 2.12.3")
    return value


def _service_account(value: str) -> str:
    if not _SERVICE_ACCOUNT.fullmatch(value):
        raise ValueError(f"{value!r} must be of the form NAMESPACE:NAME")
    return value


def _object_name(value: str) -> str:
    if len(value) > NAME_LENGTH_MAX or not _OBJECT_NAME.fullmatch(value):
        raise ValueError(f"{value!r} must be a name as Kubernetes takes it: a-z, 0-9, dashes and dots")
    return value


def _password(file: Path | None) -> str:
    """The password as it is now. Raises ValueError, in words for `--wapi-password-file`."""
    if file is None:
        password = os.environ.get(PASSWORD_VARIABLE, "").rstrip(LINE_END)
        if not password:
            raise PydanticCustomError("missing", "is required", {"variable": PASSWORD_VARIABLE})
        return password
    try:
        password = file.read_text(encoding="utf-8").rstrip(LINE_END)
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{file}: is not UTF-8") from None
    if not password:
        raise ValueError(f"{file}: is empty")
    return password


def _password_file(value: Path | None) -> Path | None:
    _password(value)
    return value


def _renamed(value: tuple[str, ...]) -> tuple[str, ...]:
    AttributeNames.renamed(value)
    return value


def _cluster_id(value: str) -> str:
    if not is_cluster_id(value):
        raise ValueError(f"{value!r} must be 12 hexadecimal digits")
    return value


Cidr = Annotated[str, AfterValidator(_cidr)]
ClusterId = Annotated[str, AfterValidator(_cluster_id)]
ServiceAccount = Annotated[str, AfterValidator(_service_account)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
HostName = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_host)]


Add = Callable[..., object]
"""Declares a flag, as `ArgumentParser.add_argument` does."""


class Settings(DaemonSettings):
    """Where the grid is, who we are in it, what may be asked for."""

    grid_host: HostName
    wapi_username: Name
    wapi_port: Annotated[int, Field(gt=0, lt=65536)] = 443
    wapi_version: Annotated[str, AfterValidator(_version)] = "2.5"
    wapi_password_file: Annotated[Path | None, AfterValidator(_password_file), Field(validate_default=True)] = None
    ssl_verify: Annotated[str, AfterValidator(_verify)] = "true"
    cluster_name: Name = DEFAULT_CLUSTER_NAME
    network_view: Name = "default"
    network: Annotated[Cidr, AfterValidator(_with_hosts)] = "172.18.0.0/16"
    create_networks: bool = True
    allow_network: Annotated[tuple[Cidr, ...], NotJson, ByCommas] = ()
    allow_view: Annotated[tuple[Name, ...], NotJson, ByCommas] = ()
    listen: Endpoint = "tcp://*:5510"
    status_listen: Listen = "127.0.0.1:9510"
    operator_socket: Path = ADMIN_SOCKET
    wapi_batch_size: Annotated[int, Field(ge=2, le=1000)] = 256
    cluster_id_file: Path | None = None
    former_cluster_id: Annotated[tuple[ClusterId, ...], NotJson, ByCommas, Field(max_length=16)] = ()
    several: bool = False
    ea: Annotated[tuple[str, ...], NotJson, ByCommas, AfterValidator(_renamed)] = ()
    reservations_only: bool = False
    reserve: Annotated[int, Field(ge=0, le=1000)] = 2
    node_allocations_max: Annotated[int, Field(ge=1, le=65_536)] = 1_024
    release_delay: Annotated[float, Field(ge=0, le=3600)] = 30
    lookup_ttl: Annotated[float, Field(ge=0, le=86400)] = 300
    sweep_interval: Annotated[float, Field(ge=0, le=86400)] = 600
    node_gone_after: Annotated[float, Field(ge=0, le=86400)] = 600
    live_nodes: Path | None = None
    enrol_tokens: bool = False
    token_audience: Annotated[str, Field(min_length=1, max_length=253)] = "cni-infoblox"
    token_service_account: ServiceAccount = "kube-system:cni-infoblox-agent"
    ticket_lifetime: Annotated[float, Field(ge=1, le=366 * 86400)] = 7 * 86400
    watch_cluster: bool = False
    kubernetes_events: bool = False
    leader_elect: bool = False
    lease_name: Annotated[str, AfterValidator(_object_name)] = "cni-infoblox-coordinator"
    lease_duration: Annotated[int, Field(ge=1, le=3600)] = 15
    lease_renew_deadline: Annotated[float, Field(gt=0, le=3600)] = 10
    lease_retry_period: Annotated[float, Field(gt=0, le=3600)] = 2
    history_dir: Path | None = None
    history_days: Annotated[float, Field(gt=0, le=3660)] = 90
    history_stream: Annotated[str | None, AfterValidator(checked_stream)] = None
    kubernetes_api: Annotated[str | None, AfterValidator(_api)] = Field(
        default_factory=_api_of_environment, validate_default=True
    )
    kubernetes_credentials: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount")

    @property
    def grid(self) -> Grid:
        """The grid, as the WAPI session needs it."""
        verify = {"true": True, "false": False}.get(self.ssl_verify, self.ssl_verify)
        return Grid(self.grid_host, self.wapi_port, self.wapi_version, self.wapi_username, verify)

    @property
    def rules(self) -> NetworkRules:
        """Which network a request gets, which it may ask for."""
        return NetworkRules(self.network_view, self.network, self.allow_network, self.allow_view)

    @property
    def attribute_names(self) -> AttributeNames:
        """What our extensible attributes are called on this grid."""
        return AttributeNames.renamed(self.ea)

    @property
    def cluster_id_path(self) -> Path:
        """The file of the cluster's id."""
        return self.cluster_id_file or self.keys / CLUSTER_ID_FILE

    @property
    def key_path(self) -> Path:
        """The coordinator's key pair."""
        return self.keys / "coordinator.key_secret"

    @property
    def token_rules(self) -> TokenRules:
        """What a token must be."""
        return TokenRules(self.token_audience, self.token_service_account)

    @property
    def lease_timings(self) -> Timings:
        """How patient the election is."""
        return Timings(self.lease_duration, self.lease_renew_deadline, self.lease_retry_period)

    @property
    def has_one_leader(self) -> bool:
        """Whether no other coordinator of this cluster writes meanwhile.

        Kubernetes makes a pod anew while the one before may still run, on a node that it cannot reach.
        """
        return self.leader_elect or self.kubernetes_api is None

    def read_namespace(self) -> str:
        """The namespace of our pod. Raises `BadSettings`, naming the flag, where no file says it."""
        path = self.kubernetes_credentials / "namespace"
        try:
            return _object_name(path.read_text(encoding="ascii").strip())
        except OSError as error:
            raise BadSettings(f"--kubernetes-credentials: {path}: {error.strerror}") from None
        except ValueError:
            raise BadSettings(f"--kubernetes-credentials: {path}: does not hold the name of a namespace") from None

    def read_password(self) -> str:
        """The grid's password as it is now. Raises `BadSettings`, naming the flag, when there is none."""
        try:
            return _password(self.wapi_password_file)
        except ValueError as error:
            raise BadSettings(f"--wapi-password-file: {error}") from None


def read_settings(argv: Sequence[str] | None) -> Settings:
    """The settings of this start. Raises `BadSettings`; ends the process after --help."""
    parser = make_parser("cni-infoblox-coordinator", "Gives pods their addresses from an Infoblox grid.")
    _add_grid(parser.add_argument)
    _add_process(parser.add_argument)
    _add_allocations(parser.add_argument)
    _add_kubernetes(parser.add_argument)
    settings = read(Settings, parser, argv)
    check(settings)
    return settings


def _add_grid(add: Add) -> None:
    """The grid, and what may be used of it."""
    add("--grid-host", metavar="HOST", help="the grid master")
    add("--wapi-port", metavar="PORT", help="its HTTPS port (443)")
    add("--wapi-username", metavar="NAME", help="the WAPI user")
    add("--wapi-password-file", metavar="FILE", help=f"the password; else {PASSWORD_VARIABLE} of the environment")
    add("--wapi-version", metavar="X.Y", help="the WAPI version (2.5)")
    add("--ssl-verify", metavar="true|false|FILE", help="verify the grid's certificate, by which authority (true)")
    add("--cluster-name", metavar="NAME", help=f"the Tenant ID of all objects ({DEFAULT_CLUSTER_NAME})")
    add("--network-view", metavar="NAME", help="the view where a configuration names none (default)")
    add("--network", metavar="CIDR", help="the subnet where a configuration names none (172.18.0.0/16)")
    add("--create-networks", metavar="true|false", help="create views and networks that are missing (true)")
    add(
        "--allow-network",
        action="append",
        metavar="CIDR",
        help="a network that pods may use; repeatable (all)",
    )
    add("--allow-view", action="append", metavar="NAME", help="a view that pods may use; repeatable (all)")


def _add_process(add: Add) -> None:
    """Where the process finds things, and how it names what it makes."""
    add("--listen", metavar="tcp://ADDRESS:PORT", help="where agents connect (tcp://*:5510)")
    add("--keys", metavar="DIR", help="directory of coordinator.key_secret and authorized/")
    add("--operator-socket", metavar="FILE", help=f"where cni-infoblox asks ({ADMIN_SOCKET})")
    add("--wapi-batch-size", metavar="N", help="most operations of one WAPI call (256)")
    add("--cluster-id-file", metavar="FILE", help="the cluster's id (cluster-id beside the coordinator's key)")
    add(
        "--former-cluster-id",
        action="append",
        metavar="ID",
        help="an id that this cluster had before; repeatable (none)",
    )
    add("--several", metavar="true|false", help="other coordinators serve nodes of this cluster, too (false)")
    add(
        "--ea",
        action="append",
        metavar="NAME=OTHER",
        help="use the extensible attribute OTHER in place of NAME, which is taken on this grid; repeatable (none)",
    )
    add("--history-dir", metavar="DIR", help="where it is kept who had which address when (in memory alone)")
    add("--history-days", metavar="DAYS", help="for how long (90)")
    add(
        "--history-stream",
        metavar="URL",
        help="where it is sent as well: stdout, syslog://HOST, syslog:///dev/log",
    )
    add("--reservations-only", metavar="true|false", help="write no MAC, so that DHCP needs no restart (false)")


def _add_allocations(add: Add) -> None:
    """How addresses are given, kept ready and freed."""
    add("--reserve", metavar="N", help="addresses that each node keeps ready of each network (2)")
    add(
        "--node-allocations-max",
        metavar="N",
        help="most addresses of one node, not counting what it leaves (1024)",
    )
    add("--release-delay", metavar="SECONDS", help="how long a released address rests (30)")
    add("--lookup-ttl", metavar="SECONDS", help="how long views and networks are believed (300)")
    add("--sweep-interval", metavar="SECONDS", help="how often grid and journals are compared; 0: never (600)")
    add("--node-gone-after", metavar="SECONDS", help="when the addresses of a deleted node are freed (600)")
    add(
        "--live-nodes", metavar="FILE", help="the names of all nodes, one a line (none: no node counts as deleted)"
    )


def _add_kubernetes(add: Add) -> None:
    """What Kubernetes is asked."""
    add(
        "--enrol-tokens",
        metavar="true|false",
        help="nodes may enrol with Kubernetes ServiceAccount tokens (false)",
    )
    add("--token-audience", metavar="NAME", help="the audience that such a token must have (cni-infoblox)")
    add(
        "--token-service-account",
        metavar="NAMESPACE:NAME",
        help="the ServiceAccount that it must belong to (kube-system:cni-infoblox-agent)",
    )
    add("--ticket-lifetime", metavar="SECONDS", help="how long an enrolled node needs no new token (604800)")
    add(
        "--watch-cluster",
        metavar="true|false",
        help="follow Kubernetes' nodes, so that the sweep knows which are gone (false)",
    )
    add(
        "--kubernetes-events",
        metavar="true|false",
        help="write Events on pods, nodes and network configurations that something is wrong with (false)",
    )
    add("--leader-elect", metavar="true|false", help="several replicas, of which a Lease lets one lead (false)")
    add("--lease-name", metavar="NAME", help="that Lease, in the pod's namespace (cni-infoblox-coordinator)")
    add("--lease-duration", metavar="SECONDS", help="after what silence of the leader another one leads (15)")
    add(
        "--lease-renew-deadline",
        metavar="SECONDS",
        help="how long a leader that cannot renew the Lease does what only one may (10)",
    )
    add("--lease-retry-period", metavar="SECONDS", help="how often the Lease is renewed, or looked at (2)")
    add("--kubernetes-api", metavar="https://HOST:PORT", help="the API server (as every pod's environment says)")
    add(
        "--kubernetes-credentials",
        metavar="DIR",
        help="directory of token and ca.crt for it (/var/run/secrets/kubernetes.io/serviceaccount)",
    )
