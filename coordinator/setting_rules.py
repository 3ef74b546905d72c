"""Which flags of the coordinator exclude or need each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.lease.election import JITTER
from daemon.settings import BadSettings

if TYPE_CHECKING:
    from coordinator.settings import Settings


def check(settings: Settings) -> None:
    """Raises `BadSettings` for flags that exclude or need each other."""
    users = {
        "--enrol-tokens": settings.enrol_tokens,
        "--watch-cluster": settings.watch_cluster,
        "--kubernetes-events": settings.kubernetes_events,
        "--leader-elect": settings.leader_elect,
    }
    asked = [flag for flag, is_used in users.items() if is_used]
    if asked and settings.kubernetes_api is None:
        raise BadSettings(f"--kubernetes-api: is required with {asked[0]} outside of a Kubernetes cluster")
    tellers = {"--live-nodes": settings.live_nodes, "--watch-cluster": settings.watch_cluster}
    if settings.several and (told := [flag for flag, is_used in tellers.items() if is_used]):
        raise BadSettings(f"{told[0]}: cannot be used with --several true, where nobody hears of all nodes")
    if settings.watch_cluster and settings.live_nodes:
        raise BadSettings("--live-nodes: cannot be used with --watch-cluster true, which tells it better")
    if settings.leader_elect:
        _check_lease(settings)
    if settings.kubernetes_events:
        settings.read_namespace()


def _check_lease(settings: Settings) -> None:
    if settings.several:
        raise BadSettings("--leader-elect: cannot be used with --several true: either one serves, or all do")
    if settings.lease_renew_deadline >= settings.lease_duration:
        raise BadSettings("--lease-renew-deadline: must be less than --lease-duration")
    if settings.lease_retry_period * (1 + JITTER) >= settings.lease_renew_deadline:
        raise BadSettings(f"--lease-retry-period: must be less than --lease-renew-deadline / {1 + JITTER}")
    settings.read_namespace()
