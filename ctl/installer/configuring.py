"""Brings the configuration of one node to what the ConfigMap says: one look, what it leads to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ctl.installer import agent, record, source
from ctl.installer.record import Record
from ctl.installer.report import Configuration, State, Warned
from ctl.installer.runtime_files import RuntimeFiles, sorting_before
from ctl.installer.settings import Configured
from ctl.networks import file, links, masters, versions
from ctl.networks.executables import Executables, Unanswered
from ctl.networks.failures import BadConfiguration, NotYet
from ctl.networks.file import NetworkFile
from ctl.networks.masters import Link
from ctl.networks.versions import Spoken
from daemon.logs import Logger

OTHER_FIRST = "choose an ipam_conf_file_name that sorts before it, or remove it"


@dataclass(frozen=True)
class _Fit:
    """A usable file, made fit for this node's plugins."""

    file: NetworkFile
    version: str
    data: bytes
    warnings: tuple[Warned, ...]


class Configuring:
    """Everything around one configuration directory. `look` does what is due."""

    def __init__(self, configured: Configured, plugin: Path, socket_dir: Path, log: Logger) -> None:
        self._configured = configured
        self._plugin = plugin
        self._socket_dir = socket_dir
        self._log = log
        self._executables = Executables(plugin.parent)
        self._runtime = RuntimeFiles(configured.target_dir)
        self._record = Record(configured.target_dir, plugin.name)

    def look(self) -> Configuration:
        """Compare, write and remove what must be, tell how it stands. Raises OSError."""
        try:
            wanted = source.read(self._configured.source_dir)
        except BadConfiguration as problem:
            return Configuration(State.REFUSED, None, str(problem))
        try:
            fit = self._fit(file.read(wanted.name, wanted.data, self._plugin.name))
        except BadConfiguration as problem:
            return Configuration(State.REFUSED, wanted.name, str(problem))
        except NotYet as problem:
            return Configuration(State.WAITING, wanted.name, str(problem))
        return self._put(fit)

    def _fit(self, found: NetworkFile) -> _Fit:
        spoken, silent = self._spoken_by(found)
        version = versions.choose(found.version, spoken, self._configured.version_max)
        warnings = [*silent, *self._mind_masters(found)]
        if found.version not in (None, version):
            why = f"the file names {found.version}, which not all plugins speak; {version} is written"
            warnings.append(Warned("cni_version_replaced", why))
        if not found.uses_driver:
            why = f"no plugin of the file has an ipam of type {found.driver_name}"
            warnings.append(Warned("driver_unused", why))
        return _Fit(found, version, file.in_version(found, version), tuple(warnings))

    def _spoken_by(self, found: NetworkFile) -> tuple[dict[str, Spoken], list[Warned]]:
        spoken, silent = dict[str, Spoken](), list[Warned]()
        for name in found.executables:
            try:
                spoken[name] = self._executables.versions(name)
            except Unanswered as problem:
                silent.append(Warned("plugin_versions_unknown", f"{name}: {problem}"))
        return spoken, silent

    def _mind_masters(self, found: NetworkFile) -> list[Warned]:
        looked: dict[str, Link | None] = {name: links.look(name) for name in masters.names(found)}
        refused = []
        for name in masters.not_promiscuous(found, looked) if self._configured.sets_promiscuous else ():
            try:
                links.set_promiscuous(name)
            except links.CannotSet as problem:
                refused.append(Warned("promiscuous_not_set", f"{name}: {problem}"))
                continue
            looked[name] = links.look(name)
            self._log.info("promiscuous_set", master=name)
        return refused + [Warned("master_unfit", why) for why in masters.complaints(found, looked)]

    def _put(self, fit: _Fit) -> Configuration:
        name = fit.file.name
        answer = Configuration(State.IN_PLACE, name, None, fit.warnings)
        if self._runtime.read(name) != fit.data:
            if why := agent.why_not_serving(self._plugin, self._socket_dir):
                return replace(answer, state=State.WAITING, why=f"the node's agent does not serve yet: {why}")
            self._record.write({**self._record.read(), name: record.digest(fit.data)})
            self._runtime.write(name, fit.data)
            self._log.info("configuration_written", file=name, cni_version=fit.version)
        self._remove_older(name)
        others = sorting_before(self._runtime.names(), name)
        return replace(answer, warnings=(*fit.warnings, *map(self._other_first, others)))

    def _remove_older(self, current: str) -> None:
        """Take away what was written under a former name, now that its successor is in place."""
        written = self._record.read()
        if not written.keys() - {current}:
            return
        contents = self._runtime.read_all(written)
        for name in record.removable(written, contents, current):
            self._runtime.remove(name)
            self._log.info("configuration_removed", file=name, successor=current)
        for name in record.changed(written, contents, current):
            self._log.warning("configuration_left", file=name, why="somebody changed it since it was written")
        self._record.write({name: value for name, value in written.items() if name == current})

    def _other_first(self, name: str) -> Warned:
        return Warned("other_configuration_first", f"the runtime takes {name} instead: {OTHER_FIRST}")
