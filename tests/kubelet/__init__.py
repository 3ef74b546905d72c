"""Does with our manifests what a kubelet does, as far as namespaces of this machine allow."""

from tests.kubelet.machine import CniDirectories, Machine
from tests.kubelet.objects import ClusterObjects
from tests.kubelet.pod import RunningPod

__all__ = ["ClusterObjects", "CniDirectories", "Machine", "RunningPod"]
