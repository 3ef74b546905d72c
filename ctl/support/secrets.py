"""What must not leave this machine: values that are known to be secret, and what looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

REMOVED: Final = "(removed)"
LENGTH_MIN: Final = 4
"""A shorter value is no secret, and would be found in every other word."""
FILE_BYTES_MAX: Final = 64 * 1024

_PLAIN: Final = frozenset({"true", "false", "none", "null", "basic", "bearer", "disabled", "enabled"})
_PLAIN_ENDS: Final = ("_FILE", "_DIR", "_AUDIENCE", "_ACCOUNT", "_LIFETIME")
_NAME: Final = re.compile(r"PASS|SECRET|TOKEN|CREDENTIAL|PRIVATE|AUTH|COOKIE|_KEY$|^KEY$", re.IGNORECASE)
_FILE_FLAG: Final = re.compile(r"--(wapi-password-file|enrol-token)(?:=|$)")
_KEY_LINE: Final = re.compile(r'secret-key\s*=\s*"([^"]+)"')
_PATTERNS: Final = (
    re.compile(
        r'("[^"]*(?:password|passwd|secret|token|authorization|cookie)[^"]*"\s*:\s*)"(?:[^"\\]|\\.)*"', re.I
    ),
    re.compile(r"((?:authorization|cookie|set-cookie)\s*:\s*).*", re.I),
    re.compile(r"((?:password|passwd|secret|token|ibapauth)\s*=\s*)\S+", re.I),
    re.compile(r"()\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),
    re.compile(r"()-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.S),
    re.compile(r"(://[^/\s:@]+:)[^/\s@]+(?=@)"),
)
"""What looks like a secret, behind what names it."""


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret."""
    return bool(_NAME.search(name)) and not name.upper().endswith(
        ("_FILE", "_DIR", "_AUDIENCE", "_ACCOUNT", "_LIFETIME")
    )


class Secrets:
    """The secrets that are known, and how text is freed of them."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def learn(self, values: Iterable[str]) -> None:
        """These are secret, wherever they occur."""
        for value in values:
            stripped = value.strip()
            if len(stripped) >= LENGTH_MIN and not _is_plain(stripped):
                self._values.add(stripped)

    def learn_environment(self, environment: Mapping[str, str]) -> None:
        """The variables whose names say so are secret, and so is what the files hold that others name."""
        self.learn(value for name, value in environment.items() if is_secret_name(name))
        for name, value in environment.items():
            if name.upper().endswith(("PASSWORD_FILE", "ENROL_TOKEN", "TOKEN_FILE")):
                self.learn_file(Path(value))

    def learn_arguments(self, arguments: Iterable[str]) -> None:
        """What the files hold that a command line names as secret is secret."""
        words = list(arguments)
        for word, following in zip(words, [*words[1:], ""], strict=True):
            if _FILE_FLAG.match(word):
                self.learn_file(Path(word.partition("=")[2] or following))
            if word.startswith("--keys"):
                self.learn_keys(Path(word.partition("=")[2] or following))

    def learn_keys(self, directory: Path) -> None:
        """The secret keys and tickets of a directory are secret."""
        try:
            files = [path for path in directory.iterdir() if path.suffix == ".key_secret" or path.name == "ticket"]
        except OSError:
            return
        for path in files:
            text = _text(path)
            self.learn(_KEY_LINE.findall(text) if path.suffix == ".key_secret" else [text])

    def learn_file(self, path: Path) -> None:
        """What a file holds is secret."""
        self.learn([_text(path)])

    def redact(self, text: str) -> str:
        """The text without secrets."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, REMOVED)
        for pattern in _PATTERNS:
            text = pattern.sub(_without, text)
        return text


def _is_plain(value: str) -> bool:
    """Whether it is a word or path that is no secret, and without which nothing could be read any more."""
    return value.lower() in _PLAIN or value in "cni-infoblox-coordinator" or value.startswith("/")


def _without(found: re.Match[str]) -> str:
    quoted = found[0].endswith('"') and found[1].rstrip().endswith(":")
    return f'{found[1]}"{REMOVED}"' if quoted else f"{found[1]}{REMOVED}"


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(FILE_BYTES_MAX)
    except (OSError, ValueError):
        return ""
