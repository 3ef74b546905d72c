"""CURVE key pairs on disk: written privately, refused when others could read them.

The files have the format of `zmq.auth` (ZeroMQ certificates), so other ZeroMQ tools read them too.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import zmq
import zmq.auth
from zmq.utils import z85

SECRET_MODE = 0o600
_TEMPLATE = """#   ****  {title}  ****
#   {warning}

metadata
curve
    public-key = "{public}"
{secret}"""


class BadKey(Exception):
    """A key file that cannot be used; the text names the file and the remedy."""


@dataclass(frozen=True)
class KeyPair:
    """A CURVE key pair in Z85 text, 40 characters each."""

    public: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"KeyPair(public={self.public.decode()})"


def generate() -> KeyPair:
    """A new key pair."""
    public, secret = zmq.curve_keypair()
    return KeyPair(public, secret)


def write_pair(directory: Path, name: str, pair: KeyPair) -> None:
    """Write `name.key` and `name.key_secret` (0600); raises FileExistsError rather than replace."""
    write_public(directory, name, pair.public)
    _write_new(directory / f"{name}.key_secret", pair_text(pair), SECRET_MODE)


def write_public(directory: Path, name: str, public: bytes) -> None:
    """Write `name.key`, which holds the public key alone; raises FileExistsError rather than replace."""
    _write_new(directory / f"{name}.key", public_text(public), 0o644)


def pair_text(pair: KeyPair) -> str:
    """The content of a `.key_secret` file."""
    return _TEMPLATE.format(
        title="ZeroMQ CURVE secret certificate",
        warning="DO NOT PROVIDE THIS FILE TO OTHER USERS",
        public=pair.public.decode(),
        secret=f'    secret-key = "{pair.secret.decode()}"\n',
    )


def public_text(public: bytes) -> str:
    """The content of a `.key` file, which holds the public key alone."""
    return _TEMPLATE.format(
        title="ZeroMQ CURVE public certificate",
        warning="Exchange it securely, or use another way to verify it",
        public=public.decode(),
        secret="",
    )


def load_pair(path: Path) -> KeyPair:
    """The pair of a `.key_secret` file. Raises `BadKey` when it is missing, malformed or readable by others."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise BadKey(f"{path}: {error.strerror}; make keys with 'cni-infoblox keys init'") from None
    if lets_others_read(found, os.geteuid(), os.getegid()):
        mode = stat.S_IMODE(found.st_mode)
        raise BadKey(f"{path}: mode {mode:04o} lets others read the secret; 'chmod 600 {path}'")
    public, secret = _load(path)
    if secret is None:
        raise BadKey(f"{path}: holds no secret key")
    return KeyPair(public, secret)


def lets_others_read(found: os.stat_result, uid: int, gid: int) -> bool:
    """Whether a secret with this stat is open to more than the process with these effective ids.

    Kubernetes mounts a Secret for a process that is not root as root's file, readable by the group of the pod
    alone: that is as narrow as a mounted file can be. A file of our own has no need for its group.
    """
    mode = stat.S_IMODE(found.st_mode)
    is_mounted = found.st_uid == 0 and uid != 0 and found.st_gid == gid
    return bool(mode & (0o037 if is_mounted else 0o077))


def load_public(path: Path) -> bytes:
    """The public key of a `.key` file in Z85. Raises `BadKey` when it is missing or malformed."""
    public, _ = _load(path)
    return public


def load_authorized(paths: Iterable[Path]) -> tuple[dict[bytes, str], list[str]]:
    """Map public keys to node names (the files' names without `.key`), and say which files were not usable."""
    nodes: dict[bytes, str] = {}
    complaints: list[str] = []
    for path in sorted(paths):
        try:
            public = load_public(path)
        except BadKey as error:
            complaints.append(str(error))
            continue
        if public in nodes:
            complaints.append(f"{path}: the same key as {nodes[public]}'s; each node needs a key of its own")
            continue
        nodes[public] = path.name.removesuffix(".key")
    return nodes, complaints


def _load(path: Path) -> tuple[bytes, bytes | None]:
    try:
        public, secret = zmq.auth.load_certificate(path)
    except OSError as error:
        raise BadKey(f"{path}: {error.strerror}; make keys with 'cni-infoblox keys init'") from None
    except (ValueError, IndexError):  # pyzmq takes each line for one with an equals sign
        raise BadKey(f"{path}: holds no public key; make keys with 'cni-infoblox keys init'") from None
    if not all(_is_key(key) for key in (public, secret) if key is not None):
        raise BadKey(f"{path}: a CURVE key has 40 characters of Z85; make keys with 'cni-infoblox keys init'")
    return public, secret


def _is_key(text: bytes) -> bool:
    try:
        return len(text) == 40 and len(z85.decode(text)) == 32
    except (KeyError, struct.error):  # a letter that Z85 has not, or five that are more than four bytes
        return False


def _write_new(path: Path, text: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
