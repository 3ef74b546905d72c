"""The messages of protocol 2 keep their bounds."""

import msgpack
import pytest
from pydantic import ValidationError

from protocol.wire import messages, values
from protocol.wire.messages import Claims, Hello, SetLabels, to_agent, to_coordinator
from protocol.wire.values import Label, LabelRow, LetGoRow, OrphanRow

ID = "0" * 12 + "-" + "1" * 16 + "-" + "2" * 8 + "-" + "3" * 8 + "-" + "4" * 4 + "-" + "5" * 8 + "-" + "6" * 12


def packed(message: messages.Message) -> dict[str, object]:
    return msgpack.unpackb(msgpack.packb(message.model_dump(exclude_none=True)))


def test_a_hello_arrives_as_it_was_sent():
    hello = Hello(id="r1", node="node-1", machine="0" * 8, boot="1" * 8, driver="infoblox", journal="2" * 8)
    assert to_coordinator.validate_python(packed(hello)) == hello


def test_claims_arrive_as_they_were_sent():
    claim = {"allocation": ID, "view": "default", "subnet": "10.0.0.0/24", "network_name": "pods"}
    page = Claims(
        id="r1",
        welcome=1,
        page=0,
        last=True,
        claims=[values.ClaimRow(**claim, address="10.0.0.7", state="held", seal="a" * 32)],
        let_go=[LetGoRow(allocation=ID, family=4, age_ms=5, was_held=True)],
    )
    assert to_coordinator.validate_python(packed(page)) == page


@pytest.mark.parametrize("text", [ID + "\n", ID.upper(), ID[:-1], ID.replace("-", "_"), 7, None])
def test_an_id_that_is_none_is_refused(text):
    fields = {"v": 2, "id": "r1", "type": "unknown", "allocation": text}
    if text == ID.upper():
        fields["allocation"] = ID.replace("1", "A")
    with pytest.raises(ValidationError):
        to_agent.validate_python(fields)


def test_a_page_of_more_rows_than_allowed_is_refused():
    rows = [{"allocation": ID, "age_ms": 0, "was_held": True}] * (values.PAGE_ROWS_MAX + 1)
    with pytest.raises(ValidationError):
        to_coordinator.validate_python({"v": 2, "id": "r1", "type": "let_go", "allocations": rows})


def test_the_longest_single_row_fits_into_a_message():
    label = Label(
        container_id="c" * 200,
        ifname="e" * 15,
        pod="\U0001f433" * 253,
        pod_namespace="\U0001f433" * 253,
        pod_uid="\U0001f433" * 253,
        mac="00:00:00:00:00:00",
        namespace="\U0001f433" * 110,
        inode=2**63 - 1,
    )
    orphan = OrphanRow(
        allocation=ID,
        view="\U0001f433" * 253,
        subnet="255.255.255.255/32",
        network_name="\U0001f433" * 253,
        address="255.255.255.255",
        seal="f" * 32,
        label=label,
    )
    for message in (
        SetLabels(id="r" * 64, labels=[LabelRow(allocation=ID, label=label)]),
        messages.Orphans(id="r" * 64, rows=[orphan], last=True),
    ):
        assert len(msgpack.packb(message.model_dump())) < values.MESSAGE_BYTES_MAX - values.PAGE_BYTES_MAX + 8192


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("address", "10.0.0.256"),
        ("address", "10.0.0.07"),
        ("address", "10.0.0.7/24"),
        ("subnet", "10.0.0.0"),
        ("subnet", "10.0.0.0/33"),
        ("subnet", "10.0.0.7/24"),
        ("subnet", "10.0.0.0/255.255.255.0"),
        ("gateway", "::ffff:10.0.0.1"),
    ],
)
def test_what_is_no_address_or_subnet_is_refused(field, value):
    fields = {"v": 2, "id": "r1", "type": "allocated", "allocation": ID, "view": "default", "seal": "a" * 32}
    fields |= {"subnet": "10.0.0.0/24", "address": "10.0.0.7", "gateway": "10.0.0.1"}
    assert to_agent.validate_python(fields)
    with pytest.raises(ValidationError):
        to_agent.validate_python(fields | {field: value})


def test_a_namespace_is_a_path_which_has_no_nul():
    label = {"container_id": "c", "ifname": "eth0"}
    assert Label(**label, namespace="/run/netns/a b").namespace == "/run/netns/a b"
    with pytest.raises(ValidationError):
        Label(**label, namespace="/run/netns/a\0b")


SIX = "2001:db8:0:7::/64"


def wants(*subnets):
    numbered = enumerate(subnets)
    return [{"allocation": f"{ID[:-1]}{n}", "network": {"name": "pods", "subnet": each}} for n, each in numbered]


@pytest.mark.parametrize("subnets", [(), (SIX, SIX), (None, "10.0.0.0/24"), (None, SIX, "10.0.0.0/24")])
def test_an_ask_has_one_want_of_each_family_at_most(subnets):
    fields = {"v": 2, "id": "r1", "type": "allocate", "budget_ms": 1}
    assert to_coordinator.validate_python(fields | {"wants": wants("10.0.0.0/24", SIX)})
    with pytest.raises(ValidationError):
        to_coordinator.validate_python(fields | {"wants": wants(*subnets)})


@pytest.mark.parametrize(
    "excluded",
    ["", "x", "10.0.0.9-10.0.0.1", "10.0.0.1-::9", "10.0.0.1/24", "2001:DB8::1", "10.0.0.1-10.0.0.2-10.0.0.3"],
)
def test_an_exclusion_that_is_none_is_refused(excluded):
    with pytest.raises(ValidationError):
        values.NetworkAsk(name="pods", exclude=(excluded,))


@pytest.mark.parametrize("family", [5, "x", None])
def test_what_is_let_go_says_its_family(family):
    row = {"allocation": ID, "age_ms": 0, "was_held": True}
    assert LetGoRow.model_validate(row | {"family": 6}).family.title == "IPv6"
    with pytest.raises(ValidationError):
        LetGoRow.model_validate(row | {"family": family})
