"""Looks after one node until it is told to stop: plugin first, configuration last, nothing removed at the end."""

from __future__ import annotations

from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Final

from ctl import plugin_file
from ctl.installer.configuring import Configuring
from ctl.installer.ending import Ending
from ctl.installer.lock import only_one
from ctl.installer.report import Configuration, Report, State, Warned
from ctl.installer.settings import Settings
from ctl.installer.status import status_server
from ctl.plugin_file import Executable
from daemon import files
from daemon.logs import Logger, make_logger
from protocol.leaving import marker

LOOK_S: Final = 2.0
NOTHING_SEEN: Final = "nothing was looked at so far"
_Signature = tuple[int, int, int, int]


class Watch:
    """The state of the watch between two looks."""

    def __init__(self, executable: Executable, target: Path, settings: Settings, log: Logger) -> None:
        self._executable = executable
        self._target = target
        self._log = log
        self._seen: _Signature | None = None
        configured = settings.configured
        self._configuring = Configuring(configured, target, settings.socket_dir, log) if configured else None
        unseen = Configuration(State.WAITING, None, NOTHING_SEEN) if configured else None
        self.report = Report(str(target), metadata.version("cni-infoblox"), NOTHING_SEEN, unseen)

    def look(self) -> None:
        """Do what is due on the node. What changed is to be seen before it is logged."""
        if self._keep_plugin() and self._configuring:
            self._keep_configuration(self._configuring)

    def _keep_plugin(self) -> bool:
        """Whether the plugin is in place."""
        try:
            is_new = self._put_plugin()
        except OSError as error:
            self._seen = None
            self._show_plugin(error.strerror or str(error))
            return False
        self._show_plugin(None)
        if is_new:
            self._log.info("plugin_installed", path=str(self._target), runs=self._executable.runs)
        return True

    def _put_plugin(self) -> bool:
        """Whether it had to be put there. Raises OSError."""
        if self._seen is not None and self._seen == _signature(self._target):
            return False
        is_new = not files.holds(self._target, self._executable.data, plugin_file.MODE)
        if is_new:
            files.replace(self._target, self._executable.data, plugin_file.MODE)
        self._seen = _signature(self._target)
        return is_new

    def _show_plugin(self, why_not: str | None) -> None:
        before, self.report = self.report, replace(self.report, why_no_plugin=why_not)
        if why_not and why_not != before.why_no_plugin:
            self._log.error("plugin_not_installed", path=str(self._target), why=why_not)

    def _keep_configuration(self, configuring: Configuring) -> None:
        try:
            now = configuring.look()
        except OSError as error:
            now = Configuration(State.WAITING, None, f"{error.filename}: {error.strerror or error}")
        before, self.report = self.report.configuration, replace(self.report, configuration=now)
        self._tell(before, now)

    def _tell(self, before: Configuration | None, now: Configuration) -> None:
        told: tuple[Warned, ...] = before.warnings if before else ()
        for warned in now.warnings:
            if warned not in told:
                self._log.warning(warned.event, why=warned.why)
        if before and (before.state, before.file, before.why) == (now.state, now.file, now.why):
            return
        if now.state is State.REFUSED:
            self._log.error("configuration_refused", file=now.file, why=now.why, node_keeps="the file it has")
        elif now.state is State.WAITING:
            self._log.info("configuration_waits", file=now.file, why=now.why)
        else:
            self._log.info("configuration_in_place", file=now.file)


def run(executable: Executable, target: Path, settings: Settings) -> int:
    """Watch until SIGTERM or SIGINT; the exit code. Raises `Failed`."""
    log = make_logger(settings.log_format, settings.log_level)
    with only_one(target):
        for directory in {target.parent, *([settings.configured.target_dir] if settings.configured else [])}:
            files.sweep(directory)
        watch = Watch(executable, target, settings, log)
        ending = Ending()
        status = status_server(lambda: watch.report, settings.status_at, log)
        status.start()
        _stay_after_all(settings.socket_dir, target.name, log)
        log.info("started", release=watch.report.release, status_port=status.port, look_s=LOOK_S)
        try:
            watch.look()
            while not ending.comes(LOOK_S):
                watch.look()
        finally:
            status.stop()
    log.info("stopped", node_keeps="plugin and configuration")
    return 0


def _stay_after_all(socket_dir: Path, driver: str, log: Logger) -> None:
    """An uninstallation that was begun here before has told the agent to keep no address ready."""
    path = marker(socket_dir, driver)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("agent_not_told", path=str(path), why=error.strerror)


def _signature(path: Path) -> _Signature | None:
    """What changes when the file is changed or replaced; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode
