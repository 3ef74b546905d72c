"""Calls the agent as the plugin does, by the plugin's own code, without the execution of a file for each call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo.cluster import Node
from demo.cni import Outcome, pod_args
from plugin import infoblox as plugin


class PluginCalls:
    """Every verb of one node's plugin; `ipam` changes that section of the network configuration."""

    def __init__(self, node: Node, **ipam: str) -> None:
        self.config: Mapping[str, Any] = {**node.config(**ipam), "cniVersion": "1.1.0"}
        self._base = str(Path(node.socket_dir) / "infoblox")

    def add(self, container: str, ifname: str, netns: str) -> Outcome:
        """ADD of a pod that bears its container's name."""
        descriptor = plugin.posix.open(netns, plugin.posix.O_RDONLY | plugin.posix.O_CLOEXEC)
        try:
            variables = {"CNI_NETNS": netns, "CNI_ARGS": pod_args("soak", container, container, f"u-{container}")}
            return self._call("ADD", container, ifname, variables, self.config, descriptor)
        finally:
            plugin.posix.close(descriptor)

    def check(self, container: str, ifname: str, netns: str, result: Mapping[str, Any]) -> Outcome:
        """CHECK against the result of an ADD."""
        config = {**self.config, "prevResult": result}
        return self._call("CHECK", container, ifname, {"CNI_NETNS": netns}, config)

    def delete(self, container: str, ifname: str) -> Outcome:
        """DEL, which leaves a file where the agent does not answer."""
        return self._call("DEL", container, ifname, {}, self.config)

    def _call(
        self,
        verb: str,
        container: str,
        ifname: str,
        more: Mapping[str, str],
        config: Mapping[str, Any],
        descriptor: int | None = None,
    ) -> Outcome:
        stdin = json.dumps(config).encode()
        named = {"CNI_COMMAND": verb, "CNI_CONTAINERID": container, "CNI_IFNAME": ifname, **more}
        request = plugin.frame([f"{name}={value}".encode() for name, value in named.items()], stdin)
        try:
            limits, now_s = plugin.limits(verb), plugin.clock()
            code, stdout = plugin.ask(f"{self._base}.sock", request, descriptor, limits, now_s)
        except plugin.NoAnswer as silence:
            code, stdout = plugin.NOT_DURABLE, plugin.error_json(stdin, 11, "no answer", str(silence))
        if code != plugin.NOT_DURABLE:
            return Outcome(code, stdout)
        if verb != "DEL":
            return Outcome(1, stdout)
        name = plugin.pending_name(container.encode(), ifname.encode())
        plugin.write_pending(f"{self._base}.pending", name, request)
        return Outcome(0, b"")
