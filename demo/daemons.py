"""Runs one of our daemons as a process of its own, whose log lines can be awaited."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

START_TIMEOUT_S: Final = 20.0
STOP_TIMEOUT_S: Final = 15.0

Line = Mapping[str, Any]


class DaemonFailed(Exception):
    """The daemon ended, or did not say what was awaited; the text carries the end of its log."""


def command(name: str) -> list[str]:
    """The installed command of this name, beside the running interpreter."""
    return [str(Path(sys.executable).with_name(name))]


class Daemon:
    """A started process. Each line that it writes is kept as a mapping, in order; plain text as `{"text": …}`."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], log_path: Path) -> None:
        self.argv = list(argv)
        self.log_path = log_path
        self._lines: list[Line] = []
        self._news = threading.Condition(threading.RLock())
        self._is_over = False
        self.process = subprocess.Popen(
            self.argv,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process itself: namespaces are entered by exec, not by a child."""
        return self.process.pid

    @property
    def lines(self) -> list[Line]:
        """What it has said so far."""
        with self._news:
            return list(self._lines)

    def wait_for(
        self, event: str, matching: Callable[[Line], bool] = lambda line: True, timeout_s: float = START_TIMEOUT_S
    ) -> Line:
        """The first line of this event that matches, waited for if need be. Raises `DaemonFailed`."""
        return self.wait_until(lambda line: line.get("event") == event and matching(line), event, timeout_s)

    def wait_until(self, matching: Callable[[Line], bool], what: str, timeout_s: float = START_TIMEOUT_S) -> Line:
        """The first line that matches, waited for if need be. Raises `DaemonFailed`."""

        def found() -> Line | None:
            return next((line for line in self._lines if matching(line)), None)

        with self._news:
            self._news.wait_for(lambda: found() is not None or self._is_over, timeout_s)
            line = found()
        if line is None:
            raise DaemonFailed(f"{self.argv[0]}: no {what!r}; its log ends with\n{self.tail()}")
        return line

    def count(self, event: str) -> int:
        """How many lines of this event there are so far."""
        return sum(1 for line in self.lines if line.get("event") == event)

    def wait_for_count(self, event: str, count: int, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until there are so many lines of this event. Raises `DaemonFailed`."""
        with self._news:
            self._news.wait_for(lambda: self.count(event) >= count or self._is_over, timeout_s)
        if self.count(event) < count:
            raise DaemonFailed(f"{self.argv[0]}: {self.count(event)} of {count} {event!r}:\n{self.tail()}")

    def wait_exit(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Its exit code, waited for."""
        code = self.process.wait(timeout_s)
        self._reader.join(timeout_s)
        return code

    def stop(self) -> int:
        """SIGTERM, then wait. Returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.wait_exit()
        except subprocess.TimeoutExpired:
            self.kill()
            raise DaemonFailed(f"{self.argv[0]} did not end on SIGTERM:\n{self.tail()}") from None

    def kill(self) -> None:
        """SIGKILL, then wait."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait_exit()

    def tail(self) -> str:
        """The last lines of the log."""
        return "\n".join(self.log_path.read_text().splitlines()[-15:])

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout, self.log_path.open("ab", buffering=0) as log:
            for raw in stdout:
                log.write(raw)
                with self._news:
                    self._lines.append(_parse(raw))
                    self._news.notify_all()
        with self._news:
            self._is_over = True
            self._news.notify_all()


def _parse(raw: bytes) -> Line:
    text = raw.decode("utf-8", "replace").rstrip()
    try:
        line = json.loads(text)
    except ValueError:
        return {"text": text}
    return line if isinstance(line, dict) else {"text": text}
