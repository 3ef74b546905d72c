"""Writes an image's bill of materials in CycloneDX 1.5, which scanners read."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from release.components import Component
from release.image_archive import Image

NAMESPACE: Final = uuid.UUID("5b0c0b1e-6a54-4c0e-9d1f-2f8f4f1f7d11")
"""Of serial numbers: the same image has the same one."""

_EXPRESSIONS: Final = ("AND", "OR", "WITH")


def bill_of_materials(image: Image, components: Iterable[Component]) -> str:
    """The document as JSON text."""
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, image.digest)}",
        "version": 1,
        "metadata": {
            "timestamp": f"{image.created[:19]}Z",
            "component": {
                "type": "container",
                "bom-ref": "image",
                "name": image.name,
                "version": image.version,
                "licenses": [{"expression": "Apache-2.0"}],
                "properties": [
                    {"name": "cni-infoblox:architecture", "value": image.architecture},
                    {"name": "cni-infoblox:image-id", "value": f"sha256:{image.digest}"},
                ],
            },
        },
        "components": [_component(number, each) for number, each in enumerate(components)],
    }
    return json.dumps(document, indent=1) + "\n"


def _component(number: int, component: Component) -> Mapping[str, Any]:
    described: dict[str, Any] = {
        "type": component.kind,
        "bom-ref": f"component-{number}",
        "name": component.name,
        "version": component.version,
    }
    if component.licence:
        described["licenses"] = [_licence(component.licence)]
    if component.purl:
        described["purl"] = component.purl
    if component.nested:
        described["components"] = list(component.nested)
    return described


def _licence(text: str) -> Mapping[str, Any]:
    """An SPDX expression as such; what is only text, as the licence's name."""
    words = text.split()
    is_expression = len(words) == 1 or any(word in _EXPRESSIONS for word in words)
    return {"expression": text} if is_expression else {"license": {"name": text}}
