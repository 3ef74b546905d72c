"""Says what is wrong with a server's certificate, or with the file of the authorities that we trust."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from enum import Enum
from typing import Final


class Fault(Enum):
    """What keeps a certificate from being believed; each has another remedy."""

    AUTHORITY = "it is of no authority that is trusted here"
    NAME = "it is for another name"
    TIME = "it is not valid at this time"


_X509_V_ERR: Final = {9: Fault.TIME, 10: Fault.TIME, 62: Fault.NAME, 64: Fault.NAME}
"""OpenSSL's codes (x509_vfy.h): not yet valid, expired, host name mismatch, address mismatch."""


def fault_of(error: BaseException) -> Fault | None:
    """What is wrong with the certificate, where that is why the connection failed."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _X509_V_ERR.get(cause.verify_code, Fault.AUTHORITY)
    return None


def fault_of_authorities(path: str) -> str | None:
    """Why the file cannot be used to verify certificates; None when it can."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return f"{path} holds no certificates in PEM"
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, then what led to it, as requests and urllib3 nest them; the last is the root."""
    current: BaseException | None = error
    while current is not None:
        yield current
        nested = current.args[0] if current.args and isinstance(current.args[0], BaseException) else None
        reason = getattr(current, "reason", None)
        current = reason if isinstance(reason, BaseException) else nested or current.__cause__
