"""Single WAPI calls for a person at a terminal: what goes wrong is one line."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import requests
from urllib3.exceptions import InsecureRequestWarning

from ctl.failures import Failed
from protocol.texts import parse_json, scrub

DEFINITION: Final = "extensibleattributedef"
"""The object type of a definition of an extensible attribute."""
CONNECT_LIMIT_S: Final = 5
ANSWER_LIMIT_S: Final = 30
TEXT_LENGTH_MAX: Final = 300


@dataclass(frozen=True)
class Answer:
    """What the grid answered: its HTTP status, the JSON in it (None where there is none)."""

    status: int
    content: Any

    @property
    def is_granted(self) -> bool:
        """Whether the grid did it: HTML with status 200 comes from something else than a grid master."""
        return self.status < requests.codes.bad_request and self.content is not None

    @property
    def reason(self) -> str:
        """Why it did not, in its words."""
        text = self.content.get("text") if isinstance(self.content, dict) else None
        return str(text or f"HTTP status {self.status}")[:TEXT_LENGTH_MAX]


class Wapi:
    """A session with the grid at `base`, which ends in the WAPI's version."""

    def __init__(self, base: str, username: str, password: str, verify: bool | str) -> None:  # noqa: FBT001, as requests has it
        self._base = base
        self._session = requests.Session()
        # As the coordinator does: no proxy, and no other authority than the one that was named.
        self._session.trust_env = False
        self._session.auth = (username, password)
        self._session.verify = verify

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def get(self, object_type: str, arguments: Mapping[str, str]) -> list[Any]:
        """The objects that are found. Raises `Failed`."""
        found = self._granted("GET", object_type, arguments, None)
        return found if isinstance(found, list) else []

    def post(self, object_type: str, body: Mapping[str, object]) -> None:
        """Make an object. Raises `Failed`."""
        self._granted("POST", object_type, {}, body)

    def ask(self, method: str, path: str, query: Mapping[str, str] | None = None, body: object = None) -> Answer:
        """Make a call, whatever it is answered. Raises `Failed` where nothing is answered."""
        try:
            with warnings.catch_warnings():
                # That nobody verifies the certificate is said once, by who asked for it.
                warnings.simplefilter("ignore", InsecureRequestWarning)
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
        return Answer(reply.status_code, content)

    def _granted(self, method: str, path: str, query: Mapping[str, str], body: object) -> Any:
        answer = self.ask(method, path, query, body)
        if answer.status == requests.codes.unauthorized:
            raise Failed("the grid refuses user or password")
        if answer.status >= requests.codes.bad_request:
            raise Failed(f"the grid refuses {method} {path}: {answer.reason}")
        return answer.content
