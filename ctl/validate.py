"""`cni-infoblox validate`: checks a network configuration file before a runtime reads it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from ctl.failures import BadArgument, Failed
from ctl.networks import file, gateways, links, masters, versions
from ctl.networks.executables import Executables, Unanswered
from ctl.networks.failures import BadConfiguration, NotYet
from ctl.networks.file import NetworkFile
from ctl.networks.versions import Spoken
from ctl.terminal import output
from ctl.terminal.output import Output
from protocol.network_config import SUPPORTED_VERSIONS

EXIT_CODES: Final = {
    0: "the file can be used, perhaps with warnings",
    1: "it cannot be used, standard error says why",
    2: "the command line is wrong",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a .conf or .conflist")
    parser.add_argument(
        "--driver-name", default="infoblox", metavar="NAME", help="the `type` of our `ipam` (infoblox)"
    )
    parser.add_argument(
        "--cni-bin-dir", type=Path, metavar="DIR", help="ask the plugins there which versions they speak"
    )
    output.add_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what a person should know; 1 where the file cannot be used."""
    path: Path = arguments.file
    try:
        found = file.read(path.name, path.read_bytes(), arguments.driver_name)
        notes = [*_driver_note(found), *_version_notes(found, arguments.cni_bin_dir)]
    except (BadConfiguration, NotYet) as problem:
        document = {"file": str(path), "usable": False, "problem": str(problem), "warnings": []}
        Output(arguments.output).show(document, [])
        raise Failed(f"{path}: {problem}") from None
    notes += gateways.complaints(found)
    notes += masters.complaints(found, {name: links.look(name) for name in masters.names(found)})
    document = {"file": str(path), "usable": True, "problem": "", "warnings": notes}
    text = [*(f"{path}: warning: {note}" for note in notes), f"{path}: can be used"]
    Output(arguments.output).show(document, text)
    return 0


def _driver_note(found: NetworkFile) -> list[str]:
    if found.uses_driver:
        return []
    return [f"no plugin has an ipam of type {found.driver_name}, so pods get no address from the grid"]


def _version_notes(found: NetworkFile, directory: Path | None) -> list[str]:
    spoken, notes = _spoken_by(found, directory)
    if not spoken:
        return notes
    chosen = versions.choose(found.version, spoken, versions.VERSION_MAX)
    if chosen == found.version:
        return notes
    named = found.version or "absent, which means 0.1.0"
    return [
        *notes,
        f"cniVersion: is {named}; set it to {chosen}, as 'cni-infoblox install --watch' does",
    ]


def _spoken_by(found: NetworkFile, directory: Path | None) -> tuple[dict[str, Spoken], list[str]]:
    if directory is None:
        return ({found.driver_name: frozenset(SUPPORTED_VERSIONS)} if found.uses_driver else {}), []
    if not directory.is_dir():
        raise BadArgument(f"--cni-bin-dir {directory}: no such directory")
    executables, spoken, notes = Executables(directory), dict[str, Spoken](), list[str]()
    for name in found.executables:
        try:
            spoken[name] = executables.versions(name)
        except Unanswered as problem:
            notes.append(f"plugin {name}: {problem}")
    return spoken, notes
