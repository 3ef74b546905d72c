"""The CNI executable: hands each call of the container runtime to the agent of this node.

It knows nothing of networks. Three things are its own: VERSION, an error when the agent does not answer, the file
that keeps a DEL for an agent that is down. What it says on the socket is specified in docs/protocol.md, part 1.

Every start or stop of a pod runs this file, so it imports only what is built into the interpreter of the static
file: `os`, `json` or `socket` would each take longer than everything below, and are not frozen into it.
"""

import _socket
import posix
import select
import sys

VERSIONS = b'{"cniVersion":"1.1.0","supportedVersions":["0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}\n'
PASSED_ON = b"CNI_COMMAND CNI_CONTAINERID CNI_NETNS CNI_IFNAME CNI_ARGS CNI_PATH TRACEPARENT".split()
SOCKET_DIRECTORY = "/run/cni"
LIST = "/etc/cni-infoblox/socket-dirs"  # the other directories that root allows, one a line
LIST_BYTES_MAX = 1 << 16
FRAME_BYTES_MAX = 1 << 20
NOT_DURABLE = 255  # the agent's answer to a DEL that it could not write down

# For how many seconds each verb looks for a listening agent, and after how many it gives up. The runtime is
# promised ADD 60, DEL 5, CHECK and STATUS 1, GC 20: the rest is for the interpreter's start, for DEL its file.
LIMITS = {"ADD": (20.0, 59.5), "DEL": (2.0, 2.0), "CHECK": (0.9, 0.9), "STATUS": (0.9, 0.9), "GC": (5.0, 19.5)}
RETRY_S = 0.05
ALIVE_S = 120.0

REMEDY = "see the log of this node's pod of the DaemonSet cni-infoblox-daemon, or run 'cni-infoblox status' there"
QUOTED = {code: f"\\u{code:04x}" for code in range(32)} | {ord('"'): '\\"', ord("\\"): "\\\\"}
ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class CniError(Exception):
    """A failure as the runtime reads it: CNI code, short message, details with the remedy."""


class NoAnswer(Exception):
    """The agent did not answer in time; the text says what happened instead."""


def main() -> None:
    """Answer one call of the runtime on standard output, then end the process."""
    started_s, stdin = clock(), b""
    try:
        verb = posix.environ.get(b"CNI_COMMAND", b"").decode("utf-8", "replace")
        limits = LIMITS.get(verb, LIMITS["CHECK"])
        stdin = b"" if verb == "VERSION" else read_stdin(started_s + limits[1])
        status, output = answer(verb, stdin, limits, started_s)
    except CniError as error:
        status, output = 1, error_json(stdin, *error.args)
    except BaseException as error:  # noqa: BLE001, a runtime can do nothing with a traceback
        defect = f"{type(error).__name__}: {error}; please report this defect"
        status, output = 1, error_json(stdin, 100, "the plugin itself failed", defect)
    try:
        write(1, output)
    finally:  # without the interpreter's own shutdown, which takes longer than the call
        posix._exit(status)


def answer(verb: str, stdin: bytes, limits: tuple[float, float], started_s: float) -> tuple[int, bytes]:
    """Exit status with standard output for one call."""
    if verb == "VERSION":
        return 0, VERSIONS
    if uid := posix.geteuid():
        remedy = "only root can reach the agent: run the container runtime as root, or the plugin with sudo"
        raise CniError(100, f"the plugin runs as uid {uid} instead of root", remedy)
    variables, netns = variables_and_namespace(verb)  # before the working directory changes
    request = frame(variables, stdin)
    base = f"{socket_directory(stdin)}/{driver_name(sys.argv[0])}"
    if verb != "DEL" and clock() >= started_s + limits[1]:  # a DEL is known by its variables alone
        remedy = "the runtime must close it behind the network configuration; look for it in the runtime's log"
        raise CniError(11, f"standard input was not closed within {limits[1]:g} s", remedy)
    try:
        status, output = ask(base, request, netns, limits, started_s)
    except NoAnswer as silence:
        return without_agent(verb, base, request, str(silence))
    if verb == "DEL" and status == NOT_DURABLE:
        return keep_for_later(base, request)
    return status, output


def driver_name(executable: str) -> str:
    """The name of the installed file, from which the socket has its name too."""
    return executable.rpartition("/")[2].removesuffix(".py") or "infoblox"


def variables_and_namespace(verb: str) -> tuple[list[bytes], int | None]:
    """The variables to pass on, with the opened network namespace of an ADD.

    Only ADD opens it: by the time of a DEL the path may belong to another pod.
    """
    variables = [name + b"=" + posix.environ[name] for name in PASSED_ON if name in posix.environ]
    if verb != "ADD" or b"CNI_NETNS" not in posix.environ:
        return variables, None
    try:  # O_NONBLOCK, since a path that is a pipe would block for ever
        return variables, posix.open(posix.environ[b"CNI_NETNS"], posix.O_CLOEXEC | posix.O_NONBLOCK)
    except OSError as error:
        return [*variables, b"NETNS_ERROR=" + str(error.strerror).encode()], None


def frame(variables: list[bytes], stdin: bytes) -> bytes:
    """One request in the bytes of the protocol."""
    counted = [len(variable).to_bytes(4, "big") + variable for variable in variables]
    body = len(variables).to_bytes(1, "big") + b"".join(counted) + stdin
    if len(body) > FRAME_BYTES_MAX:
        limit = f"with the CNI_ variables it may have {FRAME_BYTES_MAX} bytes; check the network configuration"
        raise CniError(6, "standard input is larger than 1 MiB", limit)
    return b"\x01" + len(body).to_bytes(4, "big") + body


# The conversation with the agent


def ask(
    base: str, request: bytes, netns: int | None, limits: tuple[float, float], started_s: float
) -> tuple[int, bytes]:
    """The agent's exit code with its standard output.

    A connection that ends early means that the agent is being replaced. Asking again is harmless, as every verb is
    idempotent for its attachment; the patience with an absent agent starts anew then.
    """
    patience_s, answer_s = limits
    heard_s, end_s = started_s, started_s + answer_s
    while True:
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            connection.settimeout(left_s(end_s))
            connection.connect(f"{reach(base)}.sock")
            heard_s = clock()
            send(connection, request, netns, end_s)
            head = receive(connection, 5, end_s)
            return head[0], receive(connection, int.from_bytes(head[1:], "big"), end_s)
        except TimeoutError:
            raise NoAnswer(f"there was no answer within {answer_s:g} s") from None
        except (FileNotFoundError, ConnectionError, BlockingIOError) as error:
            why = reason(error)  # absent, restarting, or with a full queue
        except OSError as error:
            raise NoAnswer(reason(error)) from None
        finally:
            connection.close()
        if clock() >= min(heard_s + patience_s, end_s):
            raise NoAnswer(why)
        select.select([], [], [], RETRY_S)


def send(connection: _socket.socket, request: bytes, netns: int | None, end_s: float) -> None:
    """Send the request, with its first byte the namespace."""
    rights = [] if netns is None else [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, netns.to_bytes(4, sys.byteorder))]
    # MSG_NOSIGNAL, since an interpreter without signal handlers would die with an agent that hangs up
    sent_bytes = connection.sendmsg([request], rights, _socket.MSG_NOSIGNAL)
    if rest := request[sent_bytes:]:  # sending nothing would fail, where the agent has answered already
        connection.settimeout(left_s(end_s))
        connection.sendall(rest, _socket.MSG_NOSIGNAL)


def receive(connection: _socket.socket, size_bytes: int, end_s: float) -> bytes:
    """Exactly `size_bytes`, however they trickle in."""
    if size_bytes > FRAME_BYTES_MAX:
        raise OSError(f"its answer claims to have {size_bytes} bytes")
    data = b""
    while len(data) < size_bytes:
        connection.settimeout(left_s(end_s))
        piece = connection.recv(size_bytes - len(data))
        if not piece:
            raise ConnectionResetError("it hung up before its answer was complete")
        data += piece
    return data


def without_agent(verb: str, base: str, request: bytes, why: str) -> tuple[int, bytes]:
    """What the runtime is told when nobody answered."""
    if verb == "DEL":
        return keep_for_later(base, request)
    if verb == "STATUS" and alive_lately(base):
        return 0, b""  # the roll-out of a new agent does not turn the node NotReady
    if verb not in LIMITS:
        verbs = "the runtime sets it to ADD, DEL, CHECK, GC, STATUS or VERSION"
        raise CniError(4, "CNI_COMMAND is missing or unknown", verbs)
    code = 50 if verb == "STATUS" else 11
    raise CniError(code, f"{driver_name(base)} agent does not answer at {base}.sock", f"{why}; {REMEDY}")


def alive_lately(base: str) -> bool:
    """Whether a connected agent touched its file a short while ago."""
    import time

    try:  # a time in the future is an old one too: the clock was set back since
        return abs(time.time() - posix.lstat(f"{reach(base)}.alive").st_mtime) < ALIVE_S
    except OSError:
        return False


def keep_for_later(base: str, request: bytes) -> tuple[int, bytes]:
    """Success for a DEL, once its request lies where the agent will find it."""
    container, ifname = (posix.environ.get(name, b"") for name in (b"CNI_CONTAINERID", b"CNI_IFNAME"))
    name = pending_name(container, ifname)
    try:
        write_pending(f"{reach(base)}.pending", name, request)
    except OSError as error:
        msg = f"the agent does not answer, nor could the DEL be kept in {base}.pending"
        raise CniError(11, msg, f"{reason(error)}; {REMEDY}") from None
    return 0, b""


def pending_name(container: bytes, ifname: bytes) -> bytes:
    """The file of one attachment; no two share a name, since the last `-` stands before the ifname."""
    if len(container) > 200 or not container[:1].isalnum() or not container.translate(None, b"_.-").isalnum():
        rule = "at most 200 letters, digits, '_', '.', '-', beginning with a letter or digit"
        raise CniError(4, "CNI_CONTAINERID is missing or invalid", rule)
    if not 1 <= len(ifname) <= 15 or ifname in (b".", b"..") or ifname != ifname.translate(None, b"/: \t\n\v\f\r"):
        rule = "1 to 15 bytes without '/', ':' or blanks, neither '.' nor '..'"
        raise CniError(4, "CNI_IFNAME is missing or invalid", rule)
    return container + b"-" + ifname.replace(b"%", b"%25").replace(b"-", b"%2D")


def write_pending(directory: str, name: bytes, request: bytes) -> None:
    """Make the file appear complete, or not at all. The process takes its descriptors with it."""
    try:  # noqa: SIM105, contextlib is an import too
        posix.mkdir(directory, 0o700)
    except FileExistsError:
        pass
    folder = posix.open(directory, posix.O_RDONLY | posix.O_DIRECTORY | posix.O_NOFOLLOW | posix.O_CLOEXEC)
    check_owner(folder)
    hidden = b"." + posix.urandom(8).hex().encode()
    file = posix.open(hidden, posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL, 0o600, dir_fd=folder)
    try:
        write(file, request)
        posix.fsync(file)
        posix.rename(hidden, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        posix.unlink(hidden, dir_fd=folder)
        raise
    posix.fsync(folder)


# Where the agent is; tenants write network configurations too, so whether only root can have put it there


def socket_directory(stdin: bytes) -> str:
    """`ipam.socket-dir` of the configuration; the default where that cannot be read, and the agent says why."""
    try:
        named = json_text(stdin.decode(), "ipam", "socket-dir") if b'"socket-dir"' in stdin else None
    except ValueError:
        named = None
    if named is None:
        return SOCKET_DIRECTORY
    path = normal(named)
    if f"{path}/".startswith(f"{SOCKET_DIRECTORY}/") or path in listed():
        return path
    places = f"{SOCKET_DIRECTORY}, a directory below it, or a line of {LIST} on this node, which root may write"
    raise untrusted(named, f"it must be {places}")


def normal(path: str) -> str:
    """The path with single slashes; /var/run, which distributions link to /run, is read as that."""
    names = [name for name in path.split("/") if name]
    if not path.startswith("/") or ".." in names:
        raise untrusted(path, "it must be an absolute path without '..'")
    return "/" + "/".join(names[1:] if names[:2] == ["var", "run"] else names)


def listed() -> list[str]:
    """The directories that root has allowed on this node."""
    try:
        file = posix.open(reach(LIST), posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_NONBLOCK | posix.O_CLOEXEC)
        check_owner(file)
        lines = posix.read(file, LIST_BYTES_MAX).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise untrusted(LIST, reason(error)) from None
    return [normal(line.strip()) for line in lines if line.startswith("/")]


def reach(path: str) -> str:
    """Go to where `path` lies and return its last name: that is enough then, wherever the path leads later.

    Raises FileNotFoundError where the way ends, a CniError where others than root could have changed it.
    """
    *way, name = path.split("/")
    for number, step in enumerate(way, 1):
        reached = "/".join(way[:number]) or "/"
        try:
            here = posix.open(step or "/", posix.O_PATH | posix.O_DIRECTORY | posix.O_NOFOLLOW | posix.O_CLOEXEC)
            check_owner(here)
        except (NotADirectoryError, ValueError):
            raise untrusted(reached, "it is a link, or no directory") from None
        except PermissionError as error:
            raise untrusted(reached, reason(error)) from None
        posix.fchdir(here)
        posix.close(here)
    return name


def check_owner(descriptor: int) -> None:
    """Raises PermissionError where others than root could have made or changed what is open."""
    found = posix.fstat(descriptor)
    if found.st_uid != 0 or found.st_mode & 0o022:
        raise PermissionError("it must belong to root ('chown root') and be writable for root only ('chmod go-w')")


def untrusted(path: str, why: str) -> CniError:
    """The error for a place that somebody else may have prepared."""
    return CniError(7, f"ipam.socket-dir {path} is not trusted", why)


def json_text(document: str, section: str, key: str) -> str | None:
    """The text at `section`.`key` of a JSON object, if there is one; of several the last, as everywhere.

    Once escaped quotes are set aside, every second piece between quotes is a string. Not all that is no JSON is
    noticed; raises ValueError where it is.
    """
    pieces = document.replace("\\\\", "\0").replace('\\"', "\1").split('"')
    depth, above, name, found = 0, "", "", None
    for before, string, after in zip(pieces[::2], pieces[1::2], pieces[2::2], strict=False):
        depth += before.count("{") + before.count("[") - before.count("}") - before.count("]")
        if after.lstrip().startswith(":"):
            name = unescaped(string)
            above = name if depth == 1 else above
            if (depth, name) == (1, section) or (depth, above, name) == (2, section, key):
                found = None
        elif (before.strip(), depth, above, name) == (":", 2, section, key):
            found = unescaped(string)
    ends = "".join(pieces[::2])
    is_whole = len(pieces) % 2 and ends.count("{") + ends.count("[") == ends.count("}") + ends.count("]")
    return found if is_whole else None


def unescaped(string: str) -> str:
    """The text that such a string means, in which two units of UTF-16 may make one character."""
    text, *pieces = [piece.replace("\0", "\\").replace("\1", '"') for piece in string.split("\\")]
    for piece in pieces:
        if piece.startswith("u"):
            text += chr(int(piece[1:5], 16)) + piece[5:]
        else:
            text += ESCAPED.get(piece[:1], piece[:1]) + piece[1:]
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def read_stdin(end_s: float) -> bytes:
    """Standard input to its end, or what has come of it by `end_s`, or a little more than a request may hold."""
    data = b""
    try:
        while len(data) <= FRAME_BYTES_MAX:
            if select.select([0], [], [], left_s(end_s))[0]:
                if not (piece := posix.read(0, 1 << 16)):
                    break
                data += piece
    except OSError:  # it is closed, or the time is up
        return data
    return data


def write(descriptor: int, data: bytes) -> None:
    """All of `data`."""
    while data:
        data = data[posix.write(descriptor, data) :]


def error_json(stdin: bytes, code: int, msg: str, details: str) -> bytes:
    """A CNI error in the version that the configuration asks for."""
    head = f'{{"cniVersion":{quote(cni_version(stdin))},"code":{code}'
    return f'{head},"msg":{quote(msg)},"details":{quote(details)}}}\n'.encode("utf-8", "backslashreplace")


def quote(text: str) -> str:
    """A JSON string, free of the words for which runtimes take a DEL's error for success."""
    for words in ("no such file or directory", "not found"):
        text = text.replace(words, "nothing there")
    return f'"{text.translate(QUOTED)}"'


def cni_version(stdin: bytes) -> str:
    """The configuration's first `cniVersion`, by plain search: what is wrong may be its JSON."""
    colon, *rest = stdin.partition(b'"cniVersion"')[2].split(b'"', 2)
    plausible = colon.strip() == b":" and len(rest) == 2 and rest[0].replace(b".", b"").isdigit()
    return rest[0].decode() if plausible and len(rest[0]) < 16 else "1.0.0"


def reason(error: OSError) -> str:
    """What went wrong, in words."""
    return (error.strerror or str(error)).lower()


def clock() -> float:
    """Seconds on a clock that is never set, in steps of 10 ms, without an import."""
    return posix.times()[4]


def left_s(end_s: float) -> float:
    """The time until `end_s`; raises TimeoutError when it has passed."""
    if (left := end_s - clock()) <= 0:
        raise TimeoutError
    return left


if __name__ == "__main__":
    main()
