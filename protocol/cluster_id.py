"""The cluster's id: twelve hexadecimal digits in a file beside the coordinator's key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

CLUSTER_ID_FILE: Final = "cluster-id"
CLUSTER_UID_FILE: Final = "cluster-uid"
"""Beside it under Kubernetes: the UID of the namespace kube-system, by which a copied Secret is known."""

KUBERNETES_UID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DIGITS: Final = re.compile(r"[0-9a-f]{12}")
_BYTES_MAX: Final = 4_096


class BadClusterId(Exception):
    """A cluster id that cannot be used; the text names the file and the remedy."""


def is_cluster_id(text: str) -> bool:
    """Whether this text is a cluster id."""
    return _DIGITS.fullmatch(text) is not None


def read_cluster_uid(path: Path) -> str | None:
    """The UID in this file, None where there is no such file. Raises `BadClusterId`."""
    try:
        with path.open("rb") as file:
            text = file.read(_BYTES_MAX).decode("ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadClusterId(f"{path}: {error.strerror}") from None
    if not KUBERNETES_UID.fullmatch(text):
        raise BadClusterId(f"{path}: holds no UID of a Kubernetes namespace")
    return text


def read_cluster_id(path: Path) -> str:
    """The id in this file. Raises `BadClusterId`."""
    try:
        with path.open("rb") as file:
            content = file.read(_BYTES_MAX)
    except OSError as error:
        raise BadClusterId(f"{path}: {error.strerror}; make it with 'cni-infoblox keys init'") from None
    text = content.decode("ascii", errors="replace").strip()
    if not is_cluster_id(text):
        raise BadClusterId(
            f"{path}: holds no cluster id, which is 12 hexadecimal digits; take it from a "
            "backup, or remove the file and make another with 'cni-infoblox keys init'"
        )
    return text
