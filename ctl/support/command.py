"""`cni-infoblox support bundle`: one archive with what somebody elsewhere needs to understand a fault.

It holds what the daemons of this machine say of themselves (status, metrics), their command lines and environment,
versions, our network configurations, the logs that this user may read, and what it could not get. Passwords,
tokens, tickets and secret keys are taken out; names of pods, nodes and addresses are not: look before you send it.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import sys
import tarfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from ctl import pages
from ctl.failures import BadArgument
from ctl.status import AGENT_URL, COORDINATOR_URL
from ctl.support import sources
from ctl.support.secrets import Secrets
from ctl.support.sources import Found, Missing, Process

STANDARD_OUTPUT: Final = "-"
FILE_MODE: Final = 0o600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    subcommands = parser.add_subparsers(required=True, metavar="bundle")
    bundle = subcommands.add_parser("bundle", help="make the archive", description=__doc__)
    add = bundle.add_argument
    add(
        "--file", metavar="FILE", help="the archive, - for standard output (cni-infoblox-support-HOST-TIME.tar.gz)"
    )
    add(
        "--coordinator-status",
        metavar="URL",
        default=COORDINATOR_URL,
        help="where a coordinator answers (%(default)s)",
    )
    add("--agent-status", metavar="URL", default=AGENT_URL, help="where an agent does (%(default)s)")
    add("--config", type=Path, action="append", default=[], metavar="FILE", help="a file of settings; repeat")
    add(
        "--log",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a log, of which the end is taken; repeat",
    )
    bundle.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the archive, say what is in it."""
    running = sources.processes()
    secrets = _secrets(running, arguments.config)
    urls = {
        "coordinator": pages.checked("--coordinator-status", arguments.coordinator_status),
        "agent": pages.checked("--agent-status", arguments.agent_status),
    }
    name = f"cni-infoblox-support-{platform.node()}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    target = arguments.file or f"{name}.tar.gz"
    found = list(_collect(running, urls, arguments))
    if target == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            raise BadArgument("--file -: writes an archive; send it into a file or a pipe")
        _write(sys.stdout.buffer, name, found, secrets)
    else:
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE), "wb") as file:
            _write(file, name, found, secrets)
    pieces = sum(not isinstance(each, Missing) for each in found)
    print(f"{target}: {pieces} files; look before you send it: names and addresses are in it", file=sys.stderr)
    for each in found:
        if isinstance(each, Missing):
            print(f"not in it: {each.name} ({each.why})", file=sys.stderr)
    return 0


def _secrets(running: Iterable[Process], files: Iterable[Path]) -> Secrets:
    secrets = Secrets()
    secrets.learn_environment(dict(os.environ))
    for process in running:
        secrets.learn_environment(process.environment)
        secrets.learn_arguments(process.arguments)
    for file in files:
        for piece in sources.settings(file):
            if not isinstance(piece, Missing):
                pairs = (line.partition("=") for line in piece.text.splitlines())
                secrets.learn_environment({name.strip(): value.strip().strip("'\"") for name, _, value in pairs})
    return secrets


def _collect(running: Iterable[Process], urls: dict[str, str], arguments: argparse.Namespace) -> Iterator[Found]:
    yield from sources.of_machine()
    with pages.make_session() as session:
        for kind, url in urls.items():
            yield from sources.of_daemon(session, kind, url)
    for process in running:
        yield from sources.of_process(process)
    yield from sources.configurations()
    for file in arguments.config:
        yield from sources.settings(file)
    yield from sources.logs(arguments.log)


def _write(stream: BinaryIO, name: str, found: Iterable[Found], secrets: Secrets) -> None:
    missing = {}
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for each in found:
            if isinstance(each, Missing):
                missing[each.name] = each.why
            else:
                _add(archive, f"{name}/{each.name}", secrets.redact(each.text))
        _add(archive, f"{name}/missing.json", secrets.redact(json.dumps(missing, indent=1)))


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode("utf-8", "replace")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(content), int(time.time()), FILE_MODE
    archive.addfile(entry, io.BytesIO(content))
