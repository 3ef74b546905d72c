"""Reads which machine this is: the DMI product UUID, or the serial number of the device tree."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PRODUCT_UUID: Final = Path("sys/class/dmi/id/product_uuid")
SERIAL_NUMBERS: Final = (
    Path("proc/device-tree/serial-number"),
    Path("sys/firmware/devicetree/base/serial-number"),
)
_BYTES_MAX: Final = 256
_VENDOR_DEFAULTS: Final = frozenset(
    {
        "03000200-0400-0500-0006-000700080009",
        "00020003-0004-0005-0006-000700080009",
        "12345678-1234-5678-90ab-cddeefaabbcc",
        "12345678-1234-1234-1234-123456789abc",
        "4c4c4544-0000-2010-8020-80a04f202020",
        "a0a0a0a0-b0b0-c0c0-d0d0-e0e0e0e0e0e0",
    }
)
"""What vendors write into machines that nobody has given a UUID: many have the same."""


def machine_serial(root: Path) -> str:
    """What tells this machine from all others, empty where nothing does. `root`: `/`, where proc and sys are.

    Numbers that vendors leave in many machines do not count. The UUID is readable for root alone.
    """
    for path in (PRODUCT_UUID, *SERIAL_NUMBERS):
        serial = _read(root / path)
        if serial and not _is_vendor_default(serial):
            return serial
    return ""


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_BYTES_MAX).decode("ascii", errors="replace").strip("\0 \t\r\n").lower()
    except OSError:
        return ""


def _is_vendor_default(serial: str) -> bool:
    digits = serial.replace("-", "")
    return serial in _VENDOR_DEFAULTS or len(set(digits)) == 1
