"""Calls the agent as the plugin does, by the plugin's own code, without the execution of a file for each call.

The plugin goes to its agent's directory. Threads share one working directory, so these calls take the whole path.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import plugin.infoblox
from demo.cluster import Node
from demo.cni import Outcome, pod_args

FILE: Final = plugin.infoblox.__file__


class PluginCalls:
    """Every verb of one node's plugin; `ipam` changes that section of the network configuration."""

    def __init__(self, node: Node, **ipam: str) -> None:
        self._plugin = _plugin_that_stays()
        self.config: Mapping[str, Any] = {**node.config(**ipam), "cniVersion": "1.1.0"}
        self._base = str(Path(node.socket_dir) / "infoblox")

    def add(self, container: str, ifname: str, netns: str) -> Outcome:
        """ADD of a pod that bears its container's name."""
        descriptor = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
        try:
            variables = {"CNI_NETNS": netns, "CNI_ARGS": pod_args("soak", container, container, f"u-{container}")}
            return self._call("ADD", container, ifname, variables, self.config, descriptor)
        finally:
            os.close(descriptor)

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
        plugin, stdin = self._plugin, json.dumps(config).encode()
        named = {"CNI_COMMAND": verb, "CNI_CONTAINERID": container, "CNI_IFNAME": ifname, **more}
        request = plugin.frame([f"{name}={value}".encode() for name, value in named.items()], stdin)
        try:
            limits, now_s = plugin.LIMITS[verb], plugin.clock()
            code, stdout = plugin.ask(self._base, request, descriptor, limits, now_s)
        except plugin.NoAnswer as silence:
            code, stdout = plugin.NOT_DURABLE, plugin.error_json(stdin, 11, "no answer", str(silence))
        if code != plugin.NOT_DURABLE:
            return Outcome(code, stdout)
        if verb != "DEL":
            return Outcome(1, stdout)
        name = plugin.pending_name(container.encode(), ifname.encode())
        plugin.write_pending(f"{self._base}.pending", name, request)
        return Outcome(0, b"")


def _plugin_that_stays() -> ModuleType:
    """A copy of the plugin's code that never changes the working directory."""
    specification = spec_from_file_location("infoblox_that_stays", FILE)
    assert specification
    assert specification.loader
    module = module_from_spec(specification)
    specification.loader.exec_module(module)
    module.reach = lambda path: path  # type: ignore[attr-defined]
    return module
