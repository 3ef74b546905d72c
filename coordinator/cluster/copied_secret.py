"""Sees to it that a Secret with a cluster's id is used in the cluster for which it was made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import requests
from pydantic import BaseModel, ConfigDict, ValidationError

from coordinator.cluster.api_server import OBJECT_BYTES_MAX, ApiServer, NoAnswer
from daemon.logs import Logger
from protocol.texts import Scrubbed

PATH: Final = "/api/v1/namespaces/kube-system"
READ_TIMEOUT_S: Final = 7.0
AGAIN_S: Final = 10.0
"""How long after a question that was not answered it is asked again."""


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    uid: Scrubbed


class _Namespace(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    metadata: _Metadata


class CopiedSecret:
    """Asks once, and until it is answered, for the UID of this cluster's kube-system.

    `copied` is called when it is another one than `uid`: two coordinators with one id would delete each other's
    addresses.
    """

    def __init__(self, server: ApiServer, uid: str, copied: Callable[[], None], logger: Logger) -> None:
        self.is_copied = False
        self._server = server
        self._uid = uid
        self._copied = copied
        self._logger = logger
        self._ending = threading.Event()

    def run(self) -> None:
        """The thread's body, until `stop`."""
        while not self._ending.is_set() and not self._is_answered():
            self._ending.wait(AGAIN_S)
        self._ending.wait()

    def stop(self) -> None:
        """End the thread."""
        self._ending.set()

    def _is_answered(self) -> bool:
        try:
            with self._server.exchange("GET", PATH, READ_TIMEOUT_S, bytes_max=OBJECT_BYTES_MAX) as reply:
                reply.check()
                uid = _Namespace.model_validate_json(reply.content()).metadata.uid
        except NoAnswer as silence:
            self._logger.warning("cluster_unproved", reason=silence.cause)
            return silence.code in (requests.codes.forbidden, requests.codes.not_found)
        except ValidationError:
            self._logger.warning("cluster_unproved", reason="the reply cannot be read")
            return False
        if uid != self._uid:
            self.is_copied = True
            remedy = "give this cluster keys of its own: cni-infoblox keys init --kubernetes"
            self._logger.error("secret_of_another_cluster", made_for=self._uid, here=uid, remedy=remedy)
            self._copied()
        return True
