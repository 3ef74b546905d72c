"""An allocation's object is made, labelled, found and deleted by its id alone, in both forms of a call."""

from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coordinator.core.attributes import AttributeNames
from coordinator.core.networks import Network
from coordinator.grid import comment
from coordinator.grid.allocation_object import AllocationObject, pack
from coordinator.grid.calls import Answered, Call, Form, Refused
from coordinator.grid.comment import MachinePart
from coordinator.grid.exchange import RefusedError, perform
from coordinator.grid.operations import Operation, Unreadable
from coordinator.grid.refusals import classify
from coordinator.grid.writer import Writer
from gridsim.database import calls
from gridsim.model import Grid
from protocol.wire.values import Label

CLUSTER = "c0ffee000000"
NETWORK = Network(view="default", subnet="10.55.0.0/24", gateway=None, name="pods")
WRITER = Writer(CLUSTER, "prod-1")
LABEL = Label(
    container_id="c1",
    ifname="eth0",
    pod="web-2",
    pod_namespace="shop",
    mac="0a:58:0a:37:00:07",
    namespace="/run/netns/cni-1",
    inode=4026532281,
)


def an_id(random: str = "0" * 12) -> str:
    return f"{CLUSTER}-{'1' * 16}-{'2' * 8}-{'3' * 8}-{'4' * 4}-{'5' * 8}-{random}"


@pytest.fixture
def grid():
    grid = Grid()
    grid.create("network", {"network": NETWORK.subnet})
    return grid


@pytest.fixture
def transport(grid):
    def send(http, read_timeout_s):
        pairs = calls.parse_query(http.query)
        reply = grid.call(calls.Call(http.method, unquote(http.path), pairs, http.body))
        if reply.status >= 400:
            raise RefusedError(classify(reply.status, reply.body))
        return reply.body

    return send


@pytest.fixture(params=[Form.REQUEST, Form.SEPARATE])
def ask(request, transport):
    """Carries out one operation in one form of call; returns its reply, or what refused it."""

    def perform_one(operation: Operation):
        landing = perform(Call(1, (operation,), request.param, 10.0), transport, lambda: 0.0)
        if isinstance(landing, Refused):
            return landing.refusal
        assert isinstance(landing, Answered), landing
        return landing.replies[0]

    return perform_one


def seen(ask, allocation: str = an_id()) -> list[AllocationObject]:
    return [WRITER.read(hit) for hit in ask(WRITER.find(allocation)).hits]


def test_an_object_is_read_as_it_was_made(ask):
    made = WRITER.read(ask(WRITER.create(an_id(), "node-1", NETWORK, LABEL, LABEL.mac)).object)
    assert seen(ask) == [made]
    assert (made.allocation, made.view, made.subnet, made.node) == (an_id(), "default", NETWORK.subnet, "node-1")
    assert (made.label, made.mac, made.tenant, made.network_name) == (LABEL, LABEL.mac, "prod-1", "pods")
    assert made.comment.startswith("shop/web-2 on node-1, cluster prod-1 (id=")


def test_a_ready_object_is_a_reservation_that_names_nobody(ask):
    made = WRITER.read(ask(WRITER.create(an_id(), "node-1", NETWORK, None, None)).object)
    assert (made.label, made.mac) == (None, None)
    assert made.comment.startswith("reserve on node-1")


@pytest.mark.parametrize("mac", [None, LABEL.mac])
def test_a_label_is_written_once_from_nothing_and_leaves_the_id(ask, mac):
    ask(WRITER.create(an_id(), "node-1", NETWORK, None, None))
    before = seen(ask)[0]
    label = LABEL.model_copy(update={"mac": mac})
    ask(WRITER.label(an_id(), "node-1", label, mac))
    (after,) = seen(ask)
    assert (after.label, after.mac) == (label, mac)
    assert after == replace(before, label_text=pack(label), mac=mac, comment=after.comment)


def test_pod_text_is_never_substituted_by_the_grid(ask):
    label = LABEL.model_copy(update={"pod": "##STATE:ref_0:## ", "mac": None})
    ask(WRITER.create(an_id(), "node-1", NETWORK, None, None))
    ask(WRITER.label(an_id(), "node-1", label, None))
    (after,) = seen(ask)
    assert after.label is not None
    assert after.label.pod == "#STATE:ref_0:#"
    assert "##" not in after.comment


def test_only_the_object_of_the_id_is_deleted(ask):
    for random in ("0" * 12, "1" * 12):
        ask(WRITER.create(an_id(random), "node-1", NETWORK, LABEL.model_copy(update={"mac": None}), None))
    ask(WRITER.delete(an_id()))
    assert seen(ask) == []
    assert len(seen(ask, an_id("1" * 12))) == 1


def test_a_deletion_that_finds_nothing_is_refused(ask):
    assert not hasattr(ask(WRITER.delete(an_id())), "object")


def test_the_listing_shows_this_cluster_and_no_other_of_its_name(ask, transport):
    other = Writer("bad000000000", "prod-1")
    ask(WRITER.create(an_id(), "node-1", NETWORK, None, None))
    ask(other.create(an_id().replace(CLUSTER, "bad000000000"), "node-1", NETWORK, None, None))
    for page, ids in (
        (WRITER.list_page(WRITER.cluster_id, None), [an_id()]),
        (WRITER.list_tenant_page(None), None),
    ):
        landing = perform(Call(1, (page,), Form.SEPARATE, 10.0), transport, lambda: 0.0)
        assert isinstance(landing, Answered), landing
        found = [WRITER.read(hit).allocation for hit in landing.replies[0].hits]
        assert found == ids if ids else len(found) == 2


def test_an_object_that_lost_its_id_gets_it_back_while_its_comment_still_names_it(ask):
    made = WRITER.read(ask(WRITER.create(an_id(), "node-1", NETWORK, LABEL, None)).object)
    ask(replace(WRITER.label(an_id(), "node-1", LABEL, None), data={"extattrs-": {"Allocation ID": {}}}))
    assert seen(ask) == []
    back = WRITER.give_id_back(an_id(), made.view, made.address, made.comment)
    edited = replace(back, criteria={**back.criteria, "comment:": "somebody else's by now"})
    assert not hasattr(ask(edited), "object")
    ask(back)
    assert seen(ask)[0].address == made.address


def test_a_claim_that_the_grid_lost_is_made_at_its_very_address(ask):
    made = WRITER.read(ask(WRITER.recreate(an_id(), "node-1", NETWORK, "10.55.0.77")).object)
    assert (made.address, made.allocation, made.label) == ("10.55.0.77", an_id(), None)


def test_attributes_may_have_other_names(grid, ask):
    grid.create("extensibleattributedef", {"name": "Pod Node", "type": "STRING"})
    writer = replace(WRITER, names=AttributeNames.renamed(["Location=Pod Node"]))
    made = writer.read(ask(writer.create(an_id(), "node-1", NETWORK, None, None)).object)
    assert made.node == "node-1"
    assert "Location" not in ask(writer.find(an_id())).hits[0]["extattrs"]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["Site=X"], "none of Allocation ID"),
        (["Location=VM ID"], "the same name"),
        (["Location=A", "Location=B"], "given twice"),
        (["Location"], "must be NAME=OTHER"),
        (["Location= "], "must be NAME=OTHER"),
        ([f"Location={'x' * 129}"], "at most 128 characters"),
    ],
)
def test_names_that_clash_or_are_unknown_are_refused(texts, said):
    with pytest.raises(ValueError, match=said):
        AttributeNames.renamed(texts)


def test_names_may_change_places():
    names = AttributeNames.renamed(["Location=VM ID", "VM ID = Location"])
    assert (names.location, names.vm_id) == ("VM ID", "Location")
    assert names.standard_names()["VM ID"] == "Location"


def test_a_label_without_a_mac_leaves_the_one_that_the_object_bears(ask):
    ask(WRITER.create(an_id(), "node-1", NETWORK, LABEL, LABEL.mac))
    ask(WRITER.label(an_id(), "node-1", LABEL.model_copy(update={"pod": "web-9"}), None))
    (after,) = seen(ask)
    assert (after.mac, after.label.pod) == (LABEL.mac, "web-9")


def test_what_is_no_fixed_address_is_unreadable():
    with pytest.raises(Unreadable, match="network_view"):
        WRITER.read({"_ref": "fixedaddress/x"})


@example(people="shop/web-2 on node-1", path="é" * 110, inode=2**63 - 1)
@given(people=st.text(max_size=400), path=st.text(max_size=110), inode=st.integers(0, 2**63 - 1))
def test_a_comment_keeps_its_machine_part_whatever_people_are_called(people, path, inode):
    written = comment.write(people, MachinePart(an_id(), path, inode))
    assert len(written.encode()) <= comment.LENGTH_MAX
    read = comment.read(written)
    assert read is not None
    assert read.allocation == an_id()
    assert read.namespace in ("", path)


@given(st.text(max_size=300))
def test_no_comment_of_people_names_an_id_by_accident(text):
    assert comment.read(text) is None
