"""The API server's lists and watches of objects, reduced to what the sweep needs of an object's metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from coordinator.cluster.api_server import NoAnswer
from protocol.texts import Scrubbed, scrub

GONE: Final = 410

Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Seen:
    """An object that exists."""

    name: str
    uid: str


@dataclass(frozen=True)
class Page:
    """A part of a list; `rest` asks for the next one, and is empty in the last."""

    objects: tuple[Seen, ...]
    version: str
    rest: str


@dataclass(frozen=True)
class Change:
    """What a watch tells: an object is there, or gone, or neither: nothing else happened up to `version`."""

    version: str
    there: Seen | None = None
    gone: Seen | None = None


class VersionGone(Exception):
    """The API server has forgotten what happened since the version that we know: only a new list helps."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Metadata(_Model):
    name: Text
    uid: Text
    version: Annotated[Text, Field(alias="resourceVersion")]

    def seen(self) -> Seen:
        return Seen(scrub(self.name), scrub(self.uid))


class _Item(_Model):
    metadata: _Metadata


class _ListMetadata(_Model):
    version: Annotated[Text, Field(alias="resourceVersion")]
    rest: Annotated[str, Field(alias="continue")] = ""


class _List(_Model):
    metadata: _ListMetadata
    items: list[_Item]


class _Changed(_Model):
    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: _Item


class _Marked(_Model):
    metadata: _ListMetadata


class _Bookmark(_Model):
    type: Literal["BOOKMARK"]
    object: _Marked


class _Status(_Model):
    code: int = 0
    message: Scrubbed = ""


class _Error(_Model):
    type: Literal["ERROR"]
    object: _Status


_LIST: Final = TypeAdapter(_List)
_EVENT: Final = TypeAdapter[_Changed | _Bookmark | _Error](
    Annotated[_Changed | _Bookmark | _Error, Field(discriminator="type")]
)


def read_page(data: bytes) -> Page:
    """A list, or its part. Raises `NoAnswer`."""
    try:
        found = _LIST.validate_json(data)
    except ValidationError:
        raise NoAnswer("its list cannot be read") from None
    return Page(tuple(item.metadata.seen() for item in found.items), found.metadata.version, found.metadata.rest)


def read_change(line: bytes) -> Change:
    """One event of a watch. Raises `VersionGone`, and `NoAnswer` for other errors."""
    try:
        event = _EVENT.validate_json(line)
    except ValidationError:
        raise NoAnswer("an event of its watch cannot be read") from None
    if isinstance(event, _Error):
        if event.object.code == GONE:
            raise VersionGone
        raise NoAnswer(f"{event.type} {event.object.code}: {event.object.message}", event.object.code)
    version = event.object.metadata.version
    if isinstance(event, _Bookmark):
        return Change(version)
    seen = event.object.metadata.seen()
    return Change(version, gone=seen) if event.type == "DELETED" else Change(version, there=seen)
