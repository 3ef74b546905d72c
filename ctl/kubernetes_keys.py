"""Words the coordinator's key pair as the Kubernetes objects that the manifests mount."""

from __future__ import annotations

from textwrap import indent
from typing import Final

from protocol.keys import KeyPair, pair_text, public_text

NAMESPACE: Final = "kube-system"
SECRET: Final = "cni-infoblox-coordinator-keys"
PUBLIC: Final = "cni-infoblox-coordinator-key"

# The public key has an object of its own, since agents must not be able to read the other one.
_OBJECTS: Final = """\
# A new key pair for the coordinator, of which nothing is kept here. 'kubectl create -f -' refuses to replace keys
# that are in use; with 'kubectl apply -f -' over earlier ones every node has to enrol anew.
apiVersion: v1
kind: Secret
metadata:
  name: {secret_name}
  namespace: {namespace}
  labels:
    app.kubernetes.io/name: cni-infoblox
    app.kubernetes.io/component: coordinator
type: Opaque
stringData:
  coordinator.key: |
{public}
  coordinator.key_secret: |
{pair}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {public_name}
  namespace: {namespace}
  labels:
    app.kubernetes.io/name: cni-infoblox
    app.kubernetes.io/component: agent
data:
  coordinator.key: |
{public}
"""


def objects(pair: KeyPair, namespace: str) -> str:
    """A Secret with both keys, a ConfigMap with the public one, as YAML."""
    return _OBJECTS.format(
        secret_name=SECRET,
        public_name=PUBLIC,
        namespace=namespace,
        public=_block(public_text(pair.public)),
        pair=_block(pair_text(pair)),
    )


def _block(text: str) -> str:
    """A text as a literal block two levels deep."""
    return indent(text.rstrip("\n"), "    ")
