"""Which `ipam.socket-dir` the plugin accepts from a configuration that tenants may write."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import scripted_agent
from host_root import LIST, HostRoot, configuration, listen_at_length, mode_of
from plugin_runtime import Runtime
from scripted_agent import answers

SOCKET = "infoblox.sock"
PENDING = "infoblox.pending"
STRANGER = 65534


@pytest.fixture
def host(static_plugin: Path) -> Iterator[HostRoot]:
    """A host with an empty /run/cni."""
    with tempfile.TemporaryDirectory(prefix="host-") as directory:
        yield HostRoot(Path(directory), static_plugin)


@pytest.mark.parametrize(
    ("named", "lies"),
    [
        ("/run/cni", "/run/cni"),
        ("/run/cni/", "/run/cni"),
        ("/run/cni/one/two", "/run/cni/one/two"),
        ("//run//cni//one/", "/run/cni/one"),
        ("/var/run/cni", "/run/cni"),
        ("/var/run/cni/one", "/run/cni/one"),
    ],
)
def test_the_default_directory_and_what_lies_below_it_are_used(
    host: HostRoot, agents: Any, named: str, lies: str
) -> None:
    agent = agents(host.make(lies) / SOCKET, answers(0, b"{}"))
    assert host.call("ADD", configuration(named)).output == b"{}"
    assert agent.requests.get_nowait().stdin == configuration(named)


def test_a_directory_is_named_in_any_way_that_json_allows(host: HostRoot, agents: Any) -> None:
    strange = '/run/cni/"\\\N{GRINNING FACE}'
    agents(host.make(strange) / SOCKET, *[answers(0, b"{}")] * 2)
    escaped = configuration(strange).replace(b"/", b"\\/")
    assert host.call("ADD", escaped).output == b"{}"
    raw = json.dumps(json.loads(escaped), ensure_ascii=False, indent=1).encode()
    assert host.call("ADD", raw).output == b"{}"


def test_a_path_that_no_socket_address_can_hold_is_used(host: HostRoot) -> None:
    long = f"/run/cni/{'x' * 200}"
    with listen_at_length(host.make(long)) as listener:
        call = host.start("ADD", configuration(long))
        connection, _ = listener.accept()
        with connection:
            scripted_agent.read_request(connection)
            answers(0, b"{}")(connection)
        assert call.finish().output == b"{}"


@pytest.mark.parametrize(
    "directory",
    [
        "/tmp/agent",
        "/run/cni-infoblox-agent",
        "/run",
        "/",
        "/run/cni/../../tmp/agent",
        "/run/cni/..",
        "/var/run/cni/../../tmp/agent",
        "/var/lib/kubelet/pods/1/volumes/kubernetes.io~empty-dir/mine",
    ],
)
def test_an_agent_elsewhere_is_not_asked_even_where_root_made_the_directory(
    host: HostRoot, agents: Any, directory: str
) -> None:
    host.make("/tmp/agent")
    at = Path(os.path.normpath(host.path(directory)))
    at.mkdir(mode=0o700, parents=True, exist_ok=True)
    agent = agents(at / SOCKET, answers(0, b"{}"))
    before = host.contents()
    for verb in ("ADD", "DEL", "STATUS"):
        error = host.call(verb, configuration(directory)).error
        assert (error["code"], error["msg"]) == (7, f"ipam.socket-dir {directory} is not trusted")
        assert ("/run/cni" in error["details"] and LIST in error["details"]) or ".." in error["details"]
    assert agent.requests.empty()
    assert host.contents() == before


@pytest.mark.parametrize("directory", ["run/cni", "", ".", "/run/\0cni", "/run/cni/\0", "/run/cni/\ud800"])
def test_what_is_no_absolute_path_is_refused(host: HostRoot, directory: str) -> None:
    assert host.call("ADD", configuration(directory)).error["code"] == 7


@pytest.mark.parametrize("step", ["/", "/run", "/run/cni", "/run/cni/one"])
@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_a_way_on_which_others_can_write_is_refused(host: HostRoot, agents: Any, step: str, mode: int) -> None:
    agent = agents(host.make("/run/cni/one") / SOCKET, answers(0, b"{}"))
    host.path(step).chmod(mode)
    error = host.call("ADD", configuration("/run/cni/one")).error
    assert (error["code"], error["msg"]) == (7, f"ipam.socket-dir {step} is not trusted")
    assert "chmod go-w" in error["details"]
    assert agent.requests.empty()


@pytest.mark.parametrize("step", ["/", "/run", "/run/cni", "/run/cni/one"])
def test_a_way_that_belongs_to_another_user_is_refused(host: HostRoot, agents: Any, step: str) -> None:
    agent = agents(host.make("/run/cni/one") / SOCKET, answers(0, b"{}"))
    os.chown(host.path(step), STRANGER, 0)
    error = host.call("ADD", configuration("/run/cni/one")).error
    assert (error["code"], error["msg"]) == (7, f"ipam.socket-dir {step} is not trusted")
    assert "chown root" in error["details"]
    assert agent.requests.empty()


@pytest.mark.parametrize("step", ["/run", "/run/cni", "/run/cni/one"])
def test_a_link_on_the_way_is_not_followed_even_to_a_place_of_roots(
    host: HostRoot, agents: Any, step: str
) -> None:
    agent = agents(host.make("/run/cni/one") / SOCKET, answers(0, b"{}"))
    elsewhere = host.path("/elsewhere")
    host.path(step).rename(elsewhere)
    host.path(step).symlink_to("/elsewhere")
    before = host.contents()
    for verb in ("ADD", "DEL"):
        error = host.call(verb, configuration("/run/cni/one")).error
        assert (error["code"], error["msg"]) == (7, f"ipam.socket-dir {step} is not trusted")
        assert "link" in error["details"]
    assert agent.requests.empty()
    assert host.contents() == before


def test_the_default_directory_is_looked_at_without_being_named(host: HostRoot, agents: Any) -> None:
    agent = agents(host.path("/run/cni") / SOCKET, answers(0, b"{}"))
    host.path("/run/cni").chmod(0o777)
    assert host.call("ADD", b"{}").error["msg"] == "ipam.socket-dir /run/cni is not trusted"
    assert agent.requests.empty()


@pytest.mark.parametrize("directory", ["/run/cni", "/run/cni/absent", "/run/cni/absent/one"])
def test_an_absent_directory_is_an_agent_that_is_down_and_is_not_made(host: HostRoot, directory: str) -> None:
    host.path("/run/cni").rmdir() if directory == "/run/cni" else None
    before = host.contents()
    error = host.call("CHECK", configuration(directory)).error
    assert (error["code"], error["msg"]) == (11, f"infoblox agent does not answer at {directory}/{SOCKET}")
    assert host.call("STATUS", configuration(directory)).error["code"] == 50
    error = host.call("DEL", configuration(directory)).error
    assert (error["code"], f"{directory}/{PENDING}" in error["msg"]) == (11, True)
    assert host.contents() == before


def test_a_directory_that_is_made_anew_meanwhile_is_found(host: HostRoot, agents: Any) -> None:
    call = host.start("ADD", configuration("/run/cni/one"))
    shutil.rmtree(host.make("/run/cni/one"))
    agents(host.make("/run/cni/one") / SOCKET, answers(0, b"{}"))
    assert call.finish().output == b"{}"


# What root allows besides


@pytest.mark.parametrize("line", ["/srv/cni", "/srv/cni/", "/srv/cni  ", "# another\n\n/opt/x\n/srv/cni\n"])
def test_a_directory_that_root_has_listed_is_used(host: HostRoot, agents: Any, line: str) -> None:
    agents(host.make("/srv/cni") / SOCKET, answers(0, b"{}"))
    host.write_list(line)
    assert host.call("ADD", configuration("/srv/cni")).output == b"{}"


@pytest.mark.parametrize("directory", ["/srv", "/srv/cni/below", "/srv/cnix", "/", "/#", "/srv/cni/../cni"])
def test_the_list_means_these_directories_alone(host: HostRoot, agents: Any, directory: str) -> None:
    host.make("/srv/cni/below")
    agent = agents(Path(os.path.normpath(host.make(directory))) / SOCKET, answers(0, b"{}"))
    host.write_list("# comment\n\n/srv/cni\n")
    assert host.call("ADD", configuration(directory)).error["code"] == 7
    assert agent.requests.empty()


def test_a_listed_directory_is_looked_at_as_any_other(host: HostRoot, agents: Any) -> None:
    agent = agents(host.make("/srv/cni") / SOCKET, answers(0, b"{}"))
    host.write_list("/srv/cni\n")
    host.path("/srv").chmod(0o777)
    assert host.call("ADD", configuration("/srv/cni")).error["msg"] == "ipam.socket-dir /srv is not trusted"
    assert agent.requests.empty()


@pytest.mark.parametrize("damage", ["writable", "foreign", "link", "pipe", "directory", "in a writable directory"])
def test_a_list_that_others_could_have_written_allows_nothing(host: HostRoot, agents: Any, damage: str) -> None:
    agent = agents(host.make("/srv/cni") / SOCKET, answers(0, b"{}"))
    file = host.write_list("/srv/cni\n")
    if damage == "writable":
        file.chmod(0o664)
    elif damage == "foreign":
        os.chown(file, STRANGER, 0)
    elif damage == "in a writable directory":
        file.parent.chmod(0o777)
    else:
        file.rename(host.path("/list"))
        {"link": lambda: file.symlink_to("/list"), "pipe": lambda: os.mkfifo(file), "directory": file.mkdir}[
            damage
        ]()
    assert host.call("ADD", configuration("/srv/cni")).error["code"] == 7
    assert agent.requests.empty()
    agents(host.path("/run/cni") / SOCKET, answers(0, b"{}"))
    assert host.call("ADD", configuration("/run/cni")).output == b"{}"


# The DELs that are kept


@pytest.mark.parametrize("directory", ["/run/cni", "/run/cni/one"])
def test_a_del_without_agent_is_kept_in_that_directory(host: HostRoot, directory: str) -> None:
    pending = host.make(directory) / PENDING
    assert host.call("DEL", configuration(directory)).status == 0
    assert mode_of(pending) == 0o700
    assert mode_of(pending / "c1-eth0") == 0o600
    assert (pending / "c1-eth0").read_bytes().endswith(configuration(directory))


def test_a_link_in_the_place_of_the_kept_dels_leads_root_nowhere(host: HostRoot) -> None:
    host.make("/home/tenant")
    host.path(f"/run/cni/{PENDING}").symlink_to("/home/tenant")
    error = host.call("DEL", configuration("/run/cni")).error
    assert error["code"] == 11
    assert f"/run/cni/{PENDING}" in error["msg"]
    assert list(host.path("/home/tenant").iterdir()) == []


@pytest.mark.parametrize(("owner", "mode"), [(STRANGER, 0o700), (0, 0o777), (0, 0o770)])
def test_a_place_for_kept_dels_that_others_can_write_is_left_alone(host: HostRoot, owner: int, mode: int) -> None:
    pending = host.make(f"/run/cni/{PENDING}")
    os.chown(pending, owner, 0)
    pending.chmod(mode)
    error = host.call("DEL", configuration("/run/cni")).error
    assert error["code"] == 11
    assert "chown root" in error["details"]
    assert list(pending.iterdir()) == []


def test_a_link_in_the_place_of_a_kept_del_is_replaced(host: HostRoot) -> None:
    pending = host.make(f"/run/cni/{PENDING}")
    host.path("/victim").write_text("precious")
    (pending / "c1-eth0").symlink_to("/victim")
    assert host.call("DEL", configuration("/run/cni")).status == 0
    assert host.path("/victim").read_text() == "precious"
    assert (pending / "c1-eth0").read_bytes().endswith(configuration("/run/cni"))


# Who executes it


@pytest.mark.parametrize("verb", ["ADD", "DEL", "STATUS"])
@pytest.mark.parametrize("stdin", [configuration("/run/cni"), configuration("/tmp"), b"", b"{"])
def test_a_plugin_that_does_not_run_as_root_says_that_first(host: HostRoot, verb: str, stdin: bytes) -> None:
    host.path("/run/cni").chmod(0o777)
    error = host.call(verb, stdin, uid=STRANGER).error
    assert (error["code"], error["msg"]) == (100, f"the plugin runs as uid {STRANGER} instead of root")
    assert "sudo" in error["details"]
    assert list(host.path("/run/cni").iterdir()) == []


def test_anybody_may_ask_for_the_versions(host: HostRoot) -> None:
    assert b"supportedVersions" in host.call("VERSION", b"", uid=STRANGER).output


@pytest.mark.parametrize(
    "stdin",
    [
        b'{"ipam":{"socket-dir":"/elsewhere"}',
        b'["socket-dir"]',
        b'{"ipam":null,"x":{"socket-dir":"/elsewhere"}}',
        b'{"ipam":["socket-dir"]}',
        b"[" * 100_000 + b'"socket-dir"',
        b'\xff"socket-dir"',
        configuration(5),
        configuration(None),
        configuration({"socket-dir": "/elsewhere"}),
    ],
)
def test_what_cannot_be_read_is_left_to_the_default_agent(runtime: Runtime, agents: Any, stdin: bytes) -> None:
    agent = agents(runtime.socket, answers(1, b"the agent explains"))
    assert runtime.call("ADD", stdin).output == b"the agent explains"
    assert agent.requests.get_nowait().stdin == stdin
