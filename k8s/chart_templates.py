"""Makes the chart's templates from the Kustomize bases: the same objects, open where a value decides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import yaml

Object = dict[str, Any]

UNINSTALL: Final = ".Values.installer.uninstall"
CONFIGURED: Final = f"and .Values.networks.configuration (not {UNINSTALL})"
RELEASE_NAMESPACE: Final = "{{ .Release.Namespace }}"
CONFIG_VOLUME: Final = "network-configuration"
SCRAPED: Final = ".Values.serviceMonitor.enabled"
HISTORY: Final = ".Values.history.enabled"
SWITCHED: Final = {
    "PodMonitor": "serviceMonitor",
    "PrometheusRule": "prometheusRule",
    "ConfigMap": "dashboard",
    "PersistentVolumeClaim": "history",
}
"""The value that switches on the objects of each kind."""

_MARK_OF_LINES: Final = re.compile(r"^( *)(?:- lines(\d+)end|lines(\d+)end: null)$", re.MULTILINE)
_MARK_OF_VALUE: Final = re.compile(r"value(\d+)end")
_DEEPER: Final = re.compile(r"nindent \+(\d+)")


class Openings:
    """What a value decides in objects: each such place bears a mark, for which `fill` puts text of a template."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def value(self, text: str) -> str:
        """The mark for a part of a line."""
        return f"value{self._keep(text)}end"

    def item(self, text: str) -> str:
        """The mark for whole lines, as an item of a list. `nindent +2` in it means: deeper than they are."""
        return f"lines{self._keep(text)}end"

    def entry(self, text: str) -> Object:
        """The same as an entry of a mapping."""
        return {f"lines{self._keep(text)}end": None}

    def when(self, condition: str, *items: Any, otherwise: Sequence[Any] = ()) -> str:
        """Items of a list, there while a condition holds; `otherwise` are there while it does not."""
        alternative = f"{{{{- else }}}}\n{dump(list(otherwise))}" if otherwise else ""
        return self.item(f"{{{{- if {condition} }}}}\n{dump(list(items))}{alternative}{{{{- end }}}}")

    def fill(self, text: str) -> str:
        """The template that YAML with marks is."""
        while _MARK_OF_LINES.search(text):
            text = _MARK_OF_LINES.sub(self._lines, text)
        return _MARK_OF_VALUE.sub(lambda mark: self._texts[int(mark[1])], text)

    def _keep(self, text: str) -> int:
        self._texts.append(text)
        return len(self._texts) - 1

    def _lines(self, mark: re.Match[str]) -> str:
        indent = mark[1]
        text = self._texts[int(mark[2] or mark[3])].rstrip("\n")
        absolute = _DEEPER.sub(lambda deeper: f"nindent {len(indent) + int(deeper[1])}", text)
        return "\n".join(indent + line for line in absolute.split("\n"))


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stand as they are."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


def dump(content: Any) -> str:
    """YAML as the templates have it."""
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=1000))


def coordinator(objects: Sequence[Object]) -> str:
    """The template of the coordinators, of their permissions, Services and disruption budget."""
    openings = Openings()
    for found in objects:
        _open_namespace(found, openings)
        if found["kind"] == "Deployment":
            _open_deployment(found, openings)
    return _template(objects, openings)


def agent(objects: Sequence[Object]) -> str:
    """The template of the agents."""
    openings = Openings()
    for found in objects:
        _open_namespace(found, openings)
        if found["kind"] == "DaemonSet":
            _open_pod(found, "agent", openings)
            _open_nodes(found, openings)
            _open_args(found, "agent", openings)
    return _template(objects, openings)


def installer(objects: Sequence[Object], uninstalling: Sequence[Object]) -> str:
    """The template of the installers, which a value turns round: `uninstalling` are its objects then."""
    openings = Openings()
    (turned_round,) = (found for found in uninstalling if found["kind"] == "DaemonSet")
    for found in objects:
        _open_namespace(found, openings)
        if found["kind"] == "DaemonSet":
            _open_pod(found, "installer", openings)
            _open_nodes(found, openings)
            _open_installer(found, turned_round, openings)
    return _template(objects, openings)


def switched(objects: Sequence[Object]) -> str:
    """The template of what is there by choice alone. Braces in alerts and dashboards are theirs, not Helm's."""
    openings, templates = Openings(), []
    for found in objects:
        values = SWITCHED[found["kind"]]
        _open_namespace(found, openings)
        if found["kind"] == "PersistentVolumeClaim":
            _open_claim(found, openings)
        found["metadata"]["labels"] |= openings.entry(_extra(f"{values}.labels"))
        theirs = re.sub(r"\{\{|\}\}", lambda braces: f'{{{{ "{braces[0]}" }}}}', dump(found))
        templates.append(f"{{{{- if .Values.{values}.enabled }}}}\n---\n{openings.fill(theirs)}{{{{- end }}}}\n")
    return "".join(templates)


def container_of(workload: Object) -> Object:
    """The only container of its pods."""
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    found: Object = container
    return found


def _open_namespace(found: Object, openings: Openings) -> None:
    for place in (found["metadata"], *found.get("subjects", ())):
        if "namespace" in place:
            place["namespace"] = openings.value(RELEASE_NAMESPACE)


def _open_pod(workload: Object, values: str, openings: Openings) -> None:
    """What every container gets from the values: its image, its resources."""
    pod, container = workload["spec"]["template"]["spec"], container_of(workload)
    container["image"] = openings.value('{{ include "cni-infoblox.image" . | quote }}')
    container |= openings.entry(_optional("image.pullPolicy", "imagePullPolicy: {{ . }}"))
    pod |= openings.entry(_optional("image.pullSecrets", "imagePullSecrets:\n  {{- toYaml . | nindent +2 }}"))
    measured = dump({"resources": container.pop("resources")})
    chosen = "resources:\n  {{- toYaml . | nindent +2 }}"
    container |= openings.entry(
        _optional(f"{values}.resources", f"{chosen}\n{{{{- else }}}}\n{measured}".rstrip())
    )


def _open_deployment(deployment: Object, openings: Openings) -> None:
    _open_pod(deployment, "coordinator", openings)
    deployment["spec"]["replicas"] = openings.value("{{ .Values.coordinator.replicas }}")
    template = deployment["spec"]["template"]
    # A coordinator reads the site's settings when it starts, so new ones are a reason for new pods.
    of_site = '{{ include (print $.Template.BasePath "/site.yaml") . | sha256sum | quote }}'
    template["metadata"]["annotations"] = {"checksum/site": openings.value(of_site)}
    pod = template["spec"]
    pod["nodeSelector"] |= openings.entry(_extra("coordinator.nodeSelector"))
    pod["tolerations"].append(openings.item(_extra("coordinator.tolerations")))
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    volumes["wapi"]["secret"]["secretName"] = openings.value("{{ .Values.grid.existingSecret | quote }}")
    authority = volumes["grid-ca"]["configMap"]
    authority["name"] = openings.value(
        f'{{{{ .Values.grid.caConfigMap | default "{authority["name"]}" | quote }}}}'
    )
    _open_history(deployment, openings)
    _open_args(deployment, "coordinator", openings)


def _open_claim(claim: Object, openings: Openings) -> None:
    claim["spec"]["resources"]["requests"]["storage"] = openings.value("{{ .Values.history.size }}")
    claim["spec"] |= openings.entry(_optional("history.storageClass", "storageClassName: {{ . }}"))


def _open_history(deployment: Object, openings: Openings) -> None:
    """The history's volume, and the argument that names it, are there by choice."""
    container, pod = container_of(deployment), deployment["spec"]["template"]["spec"]

    def by_choice(items: Sequence[Any]) -> list[Any]:
        return [openings.when(HISTORY, each) if _is_of_history(each) else each for each in items]

    container["args"] = by_choice(container["args"])
    container["volumeMounts"] = by_choice(container["volumeMounts"])
    pod["volumes"] = by_choice(pod["volumes"])


def _is_of_history(item: Any) -> bool:
    """Whether it is that argument, or that volume or its mount."""
    return str(item).startswith("--history-dir=") or (isinstance(item, dict) and item["name"] == "history")


def _open_args(workload: Object, values: str, openings: Openings) -> None:
    container = container_of(workload)
    usual, public = _by_listener(container["args"])
    container["args"] = [*usual, openings.when(SCRAPED, *public), openings.item(_extra(f"{values}.extraArgs"))]


def _by_listener(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments of every case, and those by which the status port listens beyond the node: the last counts."""
    _, *public = (text for text in args if text.startswith("--status-listen="))
    return [text for text in args if text not in public], public


def _open_nodes(workload: Object, openings: Openings) -> None:
    """What agent and installer share: the nodes on which they run, their SELinux type there."""
    pod = workload["spec"]["template"]["spec"]
    pod["nodeSelector"] |= openings.entry(_extra("nodes.selector"))
    options = _optional("nodes.seLinuxOptions", "seLinuxOptions:\n  {{- toYaml . | nindent +2 }}")
    pod["securityContext"] |= openings.entry(options)


def _open_installer(workload: Object, turned_round: Object, openings: Openings) -> None:
    container, pod = container_of(workload), workload["spec"]["template"]["spec"]
    usual, public = _by_listener(container["args"])
    of_config = [text for text in usual if text.startswith("--config-dir=")]
    to_install = [
        *(text for text in usual if text not in of_config),
        openings.when(CONFIGURED, *of_config),
        openings.when(".Values.installer.setPromiscuous", "--set-promiscuous"),
        openings.when(SCRAPED, *public),
        openings.item(_extra("installer.extraArgs")),
    ]
    container["args"] = [openings.when(UNINSTALL, *container_of(turned_round)["args"], otherwise=to_install)]
    may_set = "{{- if .Values.installer.setPromiscuous }}\nadd:\n- NET_ADMIN\n{{- end }}"
    container["securityContext"]["capabilities"] |= openings.entry(may_set)
    directories = {"host-cni-bin": "cniBinDir", "host-cni-conf": "cniConfDir"}
    for volume in pod["volumes"]:
        if volume["name"] in directories:
            text = f"{{{{ .Values.nodes.{directories[volume['name']]} | quote }}}}"
            volume["hostPath"]["path"] = openings.value(text)
    container["volumeMounts"] = _either(
        container["volumeMounts"], container_of(turned_round)["volumeMounts"], openings
    )
    pod["volumes"] = _either(pod["volumes"], turned_round["spec"]["template"]["spec"]["volumes"], openings)


def _either(installing: Sequence[Object], uninstalling: Sequence[Object], openings: Openings) -> list[Any]:
    """Volumes, or mounts: those of both cases, the configuration's, and those of the second case alone."""
    names = {each["name"] for each in installing}
    shared = [each for each in installing if each["name"] != CONFIG_VOLUME]
    return [
        *shared,
        *(openings.when(CONFIGURED, each) for each in installing if each["name"] == CONFIG_VOLUME),
        *(openings.when(UNINSTALL, each) for each in uninstalling if each["name"] not in names),
    ]


def _optional(path: str, text: str) -> str:
    """Lines that are there where a value is."""
    return f"{{{{- with .Values.{path} }}}}\n{text}\n{{{{- end }}}}"


def _extra(path: str) -> str:
    """Further items of a list, or entries of a mapping."""
    return f"{{{{- with .Values.{path} }}}}\n{{{{- toYaml . | nindent +0 }}}}\n{{{{- end }}}}"


def _template(objects: Sequence[Object], openings: Openings) -> str:
    return "---\n".join(openings.fill(dump(found)) for found in objects)
