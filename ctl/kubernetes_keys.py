"""Words the coordinator's key pair and the cluster's id as the Kubernetes objects that the manifests mount."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent
from typing import Final

from protocol.keys import KeyPair, pair_text, public_text

NAMESPACE: Final = "kube-system"
SECRET: Final = "cni-infoblox-coordinator-keys"
PUBLIC: Final = "cni-infoblox-coordinator-key"

# The public key has an object of its own, since agents must not be able to read the other one.
_OBJECTS: Final = """\
# A new key pair for the coordinator and {origin} id for the cluster, of which nothing is kept here.
# 'kubectl create -f -' refuses to replace what is in use. After 'kubectl apply -f -' over earlier keys every node
# has to enrol anew, and the id must be the one of before (--cluster-id): another owns nothing in the grid.
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
  cluster-id: "{cluster_id}"
{uid}---
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


@dataclass(frozen=True)
class Cluster:
    """Its id, and the UID of its namespace kube-system, empty where nobody gave it."""

    id: str
    uid: str
    is_new: bool


def objects(pair: KeyPair, cluster: Cluster, namespace: str) -> str:
    """A Secret with both keys and the id, a ConfigMap with the public key, as YAML."""
    return _OBJECTS.format(
        secret_name=SECRET,
        public_name=PUBLIC,
        namespace=namespace,
        public=_block(public_text(pair.public)),
        pair=_block(pair_text(pair)),
        origin="a new" if cluster.is_new else "the given",
        cluster_id=cluster.id,
        uid=f'  cluster-uid: "{cluster.uid}"\n' if cluster.uid else "",
    )


def _block(text: str) -> str:
    """A text as a literal block two levels deep."""
    return indent(text.rstrip("\n"), "    ")
