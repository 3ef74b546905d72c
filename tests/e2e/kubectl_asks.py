"""The `kubectl` in the PATH of a test: hands its command line to the stand-in behind a socket."""

from __future__ import annotations

import json
import os
import sys
from multiprocessing.connection import Client


def main(socket: str, *argv: str) -> int:
    """Ask; the exit code of the answer."""
    if argv[:1] == ("infoblox",):  # kubectl makes room for its plugins, too
        os.execvp("kubectl-infoblox", ["kubectl-infoblox", *argv[1:]])
    reads = "-" in argv or any(word in ("-i", "-it") for word in argv)
    asked = {"argv": argv, "directory": os.getcwd(), "stdin": sys.stdin.read() if reads else ""}
    with Client(socket, "AF_UNIX") as connection:
        connection.send_bytes(json.dumps(asked).encode())
        answer = json.loads(connection.recv_bytes())
    sys.stdout.write(answer["stdout"])
    sys.stderr.write(answer["stderr"])
    return int(answer["code"])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
