"""What the API server would hold: the objects of the manifests."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import yaml

Object = dict[str, Any]


class ClusterObjects:
    """Objects by kind and name; applied again, the last one counts."""

    def __init__(self, *texts: str) -> None:
        self._objects: dict[tuple[str, str], Object] = {}
        for text in texts:
            self.apply(yaml.safe_load_all(text))

    def apply(self, objects: Iterable[Object | None]) -> None:
        """Put objects in."""
        for found in objects:
            if found:
                self._objects[found["kind"], found["metadata"]["name"]] = found

    def withdraw(self, kind: str, name: str) -> Object:
        """Delete one object, which is returned. Raises KeyError."""
        return self._objects.pop((kind, name))

    def get(self, kind: str, name: str) -> Object:
        """One object. Raises KeyError."""
        return self._objects[kind, name]

    def holds(self, kind: str, name: str) -> bool:
        """Whether there is such an object."""
        return (kind, name) in self._objects

    def files(self, kind: str, name: str) -> dict[str, bytes]:
        """The keys of a Secret or ConfigMap as files. Raises KeyError."""
        found = self._objects[kind, name]
        if kind == "ConfigMap":
            return {key: text.encode() for key, text in found["data"].items()}
        plain = {key: text.encode() for key, text in found.get("stringData", {}).items()}
        return {key: base64.b64decode(text) for key, text in found.get("data", {}).items()} | plain

    def names(self) -> list[tuple[str, str]]:
        """Kind and name of all objects."""
        return list(self._objects)

    def services(self) -> list[Object]:
        """All services."""
        return [found for (kind, _), found in self._objects.items() if kind == "Service"]
