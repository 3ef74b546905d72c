"""Finds the commands, and the files, that a page prints for people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

COMMAND_FENCES = ("", "sh")
OTHER_FENCES = ("json", "text", "yaml")
PROGRAMS = (
    r"cni-infoblox(-coordinator|-agent|-gridsim)?|kubectl|make|python3?|ip|sysctl|sed|cp|curl|docker|docker-compose|"
    r"helm|systemctl|journalctl|crictl|ctr|images/\S+|\.ci/\S+"
)
_INLINE = re.compile(rf"(\w+=\S+ )*({PROGRAMS}) \S")
_SPAN = re.compile(r"`([^`]+)`")
_FENCE = re.compile(r"```(\w*)$")
_COMMENT = re.compile(r"\s+# .*$")
_FILE_NAME = re.compile(r"# (\S+/\S+)$")


@dataclass(frozen=True)
class Printed:
    """A command as a page shows it, without the remark behind it."""

    page: str
    line: int
    text: str


@dataclass
class Page:
    """What a page has people run and write.

    `files` are blocks that begin with a remark that names them, `documents` all that are no commands.
    """

    commands: list[Printed] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)
    documents: list[tuple[str, str]] = field(default_factory=list)


class UnknownFence(Exception):
    """A block in a language of which it is not known whether people run it."""


def read_page(name: str, text: str) -> Page:
    """All that `text` prints, in its order. Raises `UnknownFence`."""
    page = Page()
    prose: list[str] = []
    for block in _blocks(text):
        if block.language is None:
            prose += [*[""] * (block.line - 1 - len(prose)), *block.lines]
        elif block.language in COMMAND_FENCES:
            page.commands += [Printed(name, line, command) for line, command in _joined(block)]
        elif block.language in OTHER_FENCES:
            content = "\n".join(block.lines) + "\n"
            page.documents.append((block.language, content))
            if match := _FILE_NAME.match(block.lines[0]):
                page.files.append((match[1], content))
        else:
            raise UnknownFence(f"{name}:{block.line}: ```{block.language}")
    page.commands += _inline(name, "\n".join(prose))
    page.commands.sort(key=lambda printed: printed.line)
    return page


@dataclass
class _Block:
    """Lines that belong together, from `line` on; `language` is None for prose, empty for indented code."""

    line: int
    language: str | None
    lines: list[str] = field(default_factory=list)


def _blocks(text: str) -> Iterator[_Block]:
    block = _Block(1, None)
    is_fenced, before = False, ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line.strip())
        is_code = line.startswith("    ") and (block.language == "" or not before.strip())
        if is_fenced or fence:
            if fence:
                yield block
                is_fenced = not is_fenced
                block = _Block(number + 1, fence[1] if is_fenced else None)
            else:
                block.lines.append(line)
        elif is_code != (block.language == "") and (is_code or line.strip()):
            yield block
            block = _Block(number, "" if is_code else None, [line.strip() if is_code else line])
        else:
            block.lines.append(line.strip() if block.language == "" else line)
        before = line
    yield block


def _joined(block: _Block) -> Iterator[tuple[int, str]]:
    """Each command of a block on one line."""
    begun, start = "", block.line
    for number, line in enumerate(block.lines, block.line):
        start = start if begun else number
        piece = _COMMENT.sub("", line).strip()
        if piece.endswith("\\"):
            begun += piece[:-1]
        elif begun or piece:
            yield start, " ".join((begun + piece).split()) if begun else piece
            begun = ""


def _inline(name: str, prose: str) -> Iterator[Printed]:
    for match in _SPAN.finditer(prose):
        text = " ".join(match[1].split())
        if _INLINE.match(text):
            yield Printed(name, prose.count("\n", 0, match.start()) + 1, text)
