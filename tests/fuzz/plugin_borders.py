"""What plugins and runtimes say: frames, network configurations, CNI_ARGS."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping

from nodeagent.cni import request as cni_request
from nodeagent.cni import result as cni_result
from nodeagent.cni.frame import BadFrame, Frame, parse
from nodeagent.cni.request import AddRequest, Request
from nodeagent.domain import wire
from nodeagent.domain.allocation import Label
from nodeagent.domain.outcomes import Address, Failure
from protocol.errors import Problem
from protocol.network_config import ABSENT_VERSION, SUPPORTED_VERSIONS
from protocol.wire.allocation_id import AllocationId
from protocol.wire.codec import decode_to_coordinator, encode
from protocol.wire.messages import Allocate
from protocol.wire.values import Want
from tests.fuzz.border import check_del_told, check_told

VERBS = ("ADD", "DEL", "CHECK", "STATUS", "GC", "VERSION")
VARIABLES = {"CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0", "CNI_NETNS": "/run/netns/c1"}
NETCONF = (
    b'{"cniVersion": "1.0.0", "name": "pods", "type": "bridge",'
    b' "ipam": {"type": "infoblox", "subnet": "10.55.0.0/24", "gateway": "0.0.0.1"}}'
)
_KNOWN = frozenset({*SUPPORTED_VERSIONS, ABSENT_VERSION, cni_request.LATEST_VERSION})


def read_frame(data: bytes) -> None:
    """The bytes of a connection; once more with a header that fits, so that damage reaches the body."""
    for received in (data, struct.pack(">BI", 1, len(data[5:])) + data[5:]):
        try:
            frame = parse(received)
        except BadFrame as bad:
            assert str(bad)
            continue
        if frame is not None:
            _serve(frame)


def read_netconf(stdin: bytes) -> None:
    """Standard input of every verb."""
    for verb in VERBS:
        _serve(Frame({**VARIABLES, "CNI_COMMAND": verb}, stdin))


def read_cni_args(data: bytes) -> None:
    """CNI_ARGS, as the frame's reader decodes it."""
    request = _serve(_with(NETCONF, {"CNI_COMMAND": "ADD", "CNI_ARGS": data.decode("utf-8", "replace")}))
    assert isinstance(request, AddRequest)  # whatever it says, the pod gets its address


def _with(stdin: bytes, variables: Mapping[str, str]) -> Frame:
    return Frame({**VARIABLES, **variables}, stdin)


def _serve(frame: Frame) -> Request | None:
    assert cni_request.version_for_errors(frame) in _KNOWN
    try:
        cni_request.attachment_to_delete(frame)
    except Problem as problem:
        check_told(problem)
    request = None
    for netns in (None, 0, 2):
        try:
            request = cni_request.parse(frame, netns)
        except Problem as problem:
            _check_failure(frame, problem)
            continue
        if isinstance(request, AddRequest):
            _check_add(request)
    return request


def _check_failure(frame: Frame, problem: Problem) -> None:
    check_told(problem)
    told = cni_result.failed(cni_request.version_for_errors(frame), Failure.of(problem), "r1")
    assert json.loads(told)["code"] == problem.code
    if frame.variables.get("CNI_COMMAND") == "DEL":
        check_del_told(told.decode())


def _check_add(request: AddRequest) -> None:
    """What was let in can be asked for and answered."""
    assert json.loads(cni_result.added(request, [Address("10.55.0.2/24", "10.55.0.1")]))["ips"]
    allocation = AllocationId.parse(f"{'0' * 12}-{'0' * 16}-{'0' * 8}-{'0' * 8}-0000-{'0' * 8}-{'0' * 12}")
    label = wire.wire_label(Label(request.attachment, request.pod, None, request.namespace))
    message = Allocate(
        id="r1",
        wants=[
            Want(allocation=str(allocation), network=wire.network_ask(want.network), address=want.address)
            for want in request.wants
        ],
        budget_ms=1000,
        label=label,
    )
    assert decode_to_coordinator(encode(message)) == message
