"""One log line per event, with fields, on standard error; the same shape from both daemons."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog

from protocol.texts import scrub

LogFormat = Literal["console", "json"]
Logger = structlog.typing.FilteringBoundLogger


def make_logger(log_format: LogFormat, level: str, **fields: object) -> Logger:
    """A logger to be passed to whoever needs one; `fields` stand in each of its lines.

    `level` is a name of the standard library's logging. Nothing global is configured.
    """
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False)
    )
    logger: Logger = structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _scrubbed,
            renderer,
        ],
    ).bind(**fields)
    return logger


def _scrubbed(_logger: object, _method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """No text leaves its line, or speaks to a terminal; a traceback keeps its lines, which renderers escape."""
    for name, value in fields.items():
        if name == "exception":
            fields[name] = "\n".join(map(scrub, value.split("\n")))
        elif isinstance(value, str):
            fields[name] = scrub(value)
    return fields
