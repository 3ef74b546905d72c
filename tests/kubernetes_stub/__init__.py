"""A small Kubernetes API server over HTTPS, for tests of what talks to one."""

from tests.kubernetes_stub.cluster import Issued, StubCluster
from tests.kubernetes_stub.server import KubernetesStub

__all__ = ["Issued", "KubernetesStub", "StubCluster"]
