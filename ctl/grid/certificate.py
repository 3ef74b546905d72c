"""Looks at the grid's certificate: whether it is verified, and when it ends."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Final

from ctl.failures import Failed
from ctl.grid.findings import Finding, note, right
from ctl.grid.place import Place

SUBJECT: Final = "certificate"
CONNECT_LIMIT_S: Final = 5.0
ENDS_SOON_DAYS: Final = 14
_DAY_S: Final = 86_400


def look(place: Place, wall_s: float) -> Iterator[Finding]:
    """What is to be said of it. Raises `Failed` where nobody answers, or it cannot be verified."""
    try:
        yield from _verified(place)
        ends_s = _ends_s(place)
    except ssl.SSLCertVerificationError as error:
        if place.verify is False:
            yield note(SUBJECT, error.verify_message, "Install a new one in the grid")
            return
        raise Failed(f"is not verified: {error.verify_message}") from None
    except OSError as error:
        raise Failed(f"{place.at} does not answer: {error.strerror or error}") from None
    days = int((ends_s - wall_s) // _DAY_S)
    if days < ENDS_SOON_DAYS:
        yield note(SUBJECT, f"ends in {days} days", "Renew it in the grid before then")
    else:
        yield right(SUBJECT, f"ends in {days} days")


def _verified(place: Place) -> Iterator[Finding]:
    if place.verify is False:
        yield note(SUBJECT, "is not verified", "--ssl-verify FILE makes the grid prove who it is")
        return
    try:
        context = ssl.create_default_context(cafile=None if place.verify is True else str(place.verify))
    except OSError as error:
        raise Failed(f"--ssl-verify: {place.verify}: {error.strerror or error}") from None
    with _connect(place, context):
        yield right(SUBJECT, "is verified, by " + ("the system's" if place.verify is True else str(place.verify)))


def _ends_s(place: Place) -> float:
    """When it ends, in seconds since 1970, whoever has signed it: it is its own authority here."""
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    with _connect(place, anybody) as found:
        encoded = found.getpeercert(binary_form=True)
    assert encoded
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trusting.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(encoded))
    with _connect(place, trusting) as found:
        certificate = found.getpeercert() or {}
    return float(ssl.cert_time_to_seconds(str(certificate["notAfter"])))


def _connect(place: Place, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection((place.at.host, place.at.port), CONNECT_LIMIT_S)
    try:
        return context.wrap_socket(plain, server_hostname=place.at.host)
    except OSError:
        plain.close()
        raise
