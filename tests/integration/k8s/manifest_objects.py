"""What the tests of manifests and of the chart read out of Kubernetes objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from coordinator.settings import Settings, read_settings

Object = dict[str, Any]


def objects(text: str) -> list[Object]:
    """All objects of a YAML text."""
    return [found for found in yaml.safe_load_all(text) if found]


def by_name(found: Iterable[Object]) -> dict[tuple[str, str], Object]:
    """Objects by kind and name."""
    return {(each["kind"], each["metadata"]["name"]): each for each in found}


def workloads(found: Iterable[Object]) -> Iterator[Object]:
    """The Deployments and DaemonSets."""
    return (each for each in found if each["kind"] in ("Deployment", "DaemonSet"))


def pod_of(workload: Object) -> Object:
    """The specification of its pods."""
    return dict(workload["spec"]["template"]["spec"])


def deployment_of(found: Iterable[Object]) -> Object:
    """The only Deployment."""
    (deployment,) = (each for each in found if each["kind"] == "Deployment")
    return deployment


def settings_of(deployment: Object, configuration: Sequence[str], directory: Path) -> Settings:
    """What a coordinator of the Deployment's namespace reads from its arguments and the lines of its site."""
    site, password, credentials = (directory / name for name in ("coordinator.conf", "wapi-password", "account"))
    site.write_text("\n".join(configuration))
    password.write_text("secret")
    credentials.mkdir()
    namespace = deployment["metadata"]["namespace"]
    (credentials / "namespace").write_text(namespace)
    own = {
        "--config": site,
        "--wapi-password-file": password,
        "--kubernetes-api": "https://10.0.0.1:443",
        "--kubernetes-credentials": credentials,
    }
    (container,) = pod_of(deployment)["containers"]
    args = [text.replace("$(POD_NAMESPACE)", namespace) for text in container["args"]]
    return read_settings([*args, *(f"{flag}={value}" for flag, value in own.items())])
