"""What a web server without WAPI, a reference that is gone, and two objects of one id are told as."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.core.errors import NoWapiThere
from coordinator.grid.calls import Call, Form, Refused
from coordinator.grid.exchange import NotSentError, RefusedError, perform
from coordinator.grid.operations import HttpCall
from coordinator.grid.refusals import Kind
from coordinator.grid.wapi_reply import read_body
from coordinator.grid.writer import Writer

ID = f"c0ffee000000-{'1' * 16}-{'2' * 8}-{'3' * 8}-{'4' * 4}-{'5' * 8}-{'6' * 12}"


def two_hits(call: HttpCall, read_timeout_s: float) -> Any:
    eas = {"Allocation ID": {"value": ID}}
    return [{"_ref": f"fixedaddress/{n}", "ipv4addr": f"10.55.0.{n}", "extattrs": eas} for n in (7, 8)]


def test_two_objects_of_one_id_are_an_ambiguity_in_single_calls_too() -> None:
    deletion = Writer("c0ffee000000", "demo").delete(ID)
    landing = perform(Call(1, (deletion,), Form.SEPARATE, 5.0), two_hits, lambda: 0.0)
    assert isinstance(landing, Refused)
    assert landing.refusal.kind is Kind.AMBIGUOUS


@pytest.mark.parametrize("status", [302, 404, 405])
def test_a_web_server_without_wapi_has_carried_out_nothing(status: int) -> None:
    with pytest.raises(NotSentError) as caught:
        read_body(status, b"<html>404</html>", "admin", "gm:443")
    assert isinstance(caught.value.problem, NoWapiThere)
    assert "--wapi-port" in caught.value.problem.details


def test_an_unknown_reference_is_a_refusal_of_the_wapi() -> None:
    with pytest.raises(RefusedError):
        read_body(
            404, b'{"code": "Client.Ibap.Data.NotFound", "text": "Reference x not found"}', "admin", "gm:443"
        )
