"""Writes compressed archives that are the same for the same content."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterable
from io import BytesIO

from release.image_archive import Entry


def compressed_tar(entries: Iterable[Entry], time_s: int) -> bytes:
    """A .tar.gz of root's files, all of which were last changed at `time_s` (since the epoch)."""
    buffer = BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", filename="", mtime=time_s) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for entry in entries:
            archive.addfile(_member(entry, time_s), BytesIO(entry.data))
    return buffer.getvalue()


def _member(entry: Entry, time_s: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(entry.path)
    member.mode, member.mtime, member.size = entry.mode, time_s, len(entry.data)
    member.uname = member.gname = "root"
    if entry.target:
        member.type, member.linkname = tarfile.SYMTYPE, entry.target
    elif entry.is_directory:
        member.type = tarfile.DIRTYPE
    return member
