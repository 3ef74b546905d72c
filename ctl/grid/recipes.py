"""How somebody else defines our attributes: as commands, as an Ansible playbook, as Terraform resources."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ctl.grid.wapi import DEFINITION
from ctl.terminal.output import json_text
from protocol import attributes
from protocol.host_port import HostPort


@dataclass(frozen=True)
class Recipe:
    """Which grid, as which user, and what each of the nine attributes is called there."""

    at: HostPort
    user: str
    version: str
    called: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where definitions are made."""
        return f"https://{self.at}/wapi/v{self.version}/{DEFINITION}"

    @property
    def definitions(self) -> list[dict[str, object]]:
        """The body of each."""
        return [attributes.definition(name, attributes.TYPES[standard]) for standard, name in self.called.items()]


def curl(recipe: Recipe) -> str:
    """One command for each; curl asks for the password."""
    lines = ["# Definitions that a grid with a cloud licence has already; 'AlreadyExist' is as good as an answer."]
    for definition in recipe.definitions:
        body = json.dumps(definition)
        words = ["curl", "-u", recipe.user, "-H", "Content-Type: application/json", "-d", body, recipe.url]
        lines.append(" ".join(map(shlex.quote, words)))
    return "\n".join(lines)


def ansible(recipe: Recipe) -> str:
    """A playbook that needs ansible-core alone; it defines what is missing, and may be run again."""
    rows = "\n".join(f"      - {json.dumps(definition)}" for definition in recipe.definitions)
    return _PLAYBOOK % {"url": json.dumps(recipe.url), "user": json.dumps(recipe.user), "definitions": rows}


def terraform(recipe: Recipe) -> str:
    """Resources of the vendor's provider `infobloxopen/nios`."""
    blocks = [_PROVIDER % {"url": _hcl(f"https://{recipe.at}"), "user": _hcl(recipe.user)}]
    for definition in recipe.definitions:
        name, values = str(definition["name"]), definition.get("list_values")
        identifier = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "attribute"
        lines = [f'resource "nios_grid_{DEFINITION}" "cni_{identifier}" {{', f"  name = {_hcl(name)}"]
        lines.append(f"  type = {_hcl(str(definition['type']))}")
        if isinstance(values, list):
            listed = ", ".join(f"{{ value = {_hcl(each['value'])} }}" for each in values)
            lines += ["", f"  list_values = [{listed}]"]
        blocks.append("\n".join([*lines, "}"]))
    return "\n\n".join(blocks)


def _hcl(text: str) -> str:
    """A string in which nothing is interpolated."""
    return json.dumps(text).replace("${", "$${").replace("%{", "%%{")


def as_json(recipe: Recipe) -> str:
    """Where definitions are made, and the body of each."""
    return json_text({"url": recipe.url, "definitions": recipe.definitions})


FORMS: Final[Mapping[str, Callable[[Recipe], str]]] = {
    "curl": curl,
    "ansible": ansible,
    "terraform": terraform,
    "json": as_json,
}

_PLAYBOOK: Final = """\
# ansible-playbook prepare.yaml, with the password in the environment: WAPI_PASSWORD=...
# Behind a private authority: -e ca_path=FILE
- name: Define the attributes that cni-infoblox writes
  hosts: localhost
  gather_facts: false
  module_defaults:
    ansible.builtin.uri:
      url_username: %(user)s
      url_password: "{{ lookup('ansible.builtin.env', 'WAPI_PASSWORD') }}"
      force_basic_auth: true
      ca_path: "{{ ca_path | default(omit) }}"
  vars:
    url: %(url)s
    definitions:
%(definitions)s
  tasks:
    - name: Look which are there
      ansible.builtin.uri:
        url: "{{ url }}?_max_results=1000"
      register: there
    - name: Define what is missing
      ansible.builtin.uri:
        url: "{{ url }}"
        method: POST
        body_format: json
        body: "{{ item }}"
        status_code: 201
      loop: "{{ definitions }}"
      loop_control:
        label: "{{ item.name }}"
      when: item.name not in (there.json | map(attribute='name'))
      changed_when: true"""

_PROVIDER: Final = """\
# What a grid with a cloud licence has already is to be imported, or left out.
terraform {
  required_providers {
    nios = {
      source = "infobloxopen/nios"
    }
  }
}

variable "wapi_password" {
  type      = string
  sensitive = true
}

provider "nios" {
  nios_host_url = %(url)s
  nios_username = %(user)s
  nios_password = var.wapi_password
}"""
