"""Single WAPI calls for a person at a terminal: what goes wrong is one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import requests

from ctl.failures import Failed
from protocol.texts import parse_json, scrub

CONNECT_LIMIT_S: Final = 5
ANSWER_LIMIT_S: Final = 30
TEXT_LENGTH_MAX: Final = 300


class Wapi:
    """A session with the grid at `base`, which ends in the WAPI's version."""

    def __init__(self, base: str, username: str, password: str, verify: bool | str) -> None:  # noqa: FBT001, as requests has it
        self._base = base
        self._session = requests.Session()
        self._session.auth = (username, password)
        self._session.verify = verify

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def get(self, object_type: str, arguments: Mapping[str, str]) -> list[Any]:
        """The objects that are found. Raises `Failed`."""
        found = self._call("GET", object_type, arguments, None)
        return found if isinstance(found, list) else []

    def post(self, object_type: str, body: Mapping[str, object]) -> None:
        """Make an object. Raises `Failed`."""
        self._call("POST", object_type, {}, body)

    def _call(self, method: str, path: str, query: Mapping[str, str], body: object) -> Any:
        try:
            reply = self._session.request(
                method,
                f"{self._base}/{path}",
                params=query,
                json=body,
                timeout=(CONNECT_LIMIT_S, ANSWER_LIMIT_S),
                allow_redirects=False,
            )
            content = parse_json(reply.content)
        except requests.exceptions.SSLError:
            raise Failed(f"{self._base}: its certificate is not verified; see --ssl-verify") from None
        except requests.RequestException as error:
            raise Failed(f"{self._base}: does not answer ({type(error).__name__})") from None
        except OSError as error:
            raise Failed(f"--ssl-verify: {scrub(str(error))[:TEXT_LENGTH_MAX]}") from None
        except (ValueError, RecursionError):
            content = None
        if reply.status_code == requests.codes.unauthorized:
            raise Failed("the grid refuses user or password")
        if not reply.ok:
            text = content.get("text") if isinstance(content, dict) else None
            told = text or f"HTTP status {reply.status_code}"
            raise Failed(f"the grid refuses {method} {path}: {str(told)[:TEXT_LENGTH_MAX]}")
        return content
