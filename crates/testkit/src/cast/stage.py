"""What every role stands on: sockets by a short text, children that die with their parent, odd system calls."""

import ctypes
import json
import os
import platform
import signal
import socket
import sys
import traceback

LIBC = ctypes.CDLL(None, use_errno=True)
# Numbers of the system calls that the C library does not offer as they are.
EXIT_OF_THREAD = {"x86_64": 60, "aarch64": 93}[platform.machine()]
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
CLONE_FILES, CLONE_NEWNET = 0x400, 0x40000000
IPPROTO_MPTCP = 262
OPEN = []


def checked(result):
    """Turns the C library's way to fail into Python's."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def die_with_parent():
    checked(LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))


def rename(name):
    """Sets the kernel's name of the calling thread, bytes as they are."""
    checked(LIBC.prctl(PR_SET_NAME, name, 0, 0, 0))


def leave_file_table():
    """Gives the calling thread a descriptor table of its own."""
    checked(LIBC.unshare(CLONE_FILES))


def enter_netns(path):
    """Moves the calling thread into the network namespace at a path; gives a descriptor of the one it left."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(path, os.O_RDONLY)
    checked(LIBC.setns(there, CLONE_NEWNET))
    os.close(there)
    return here


def back_to_netns(here):
    checked(LIBC.setns(here, CLONE_NEWNET))
    os.close(here)


def end_thread():
    """Ends the calling thread and nothing else: for the first thread, a leader that is gone before its group."""
    LIBC.syscall(EXIT_OF_THREAD, 0)


def split(spec):
    """`tcp/[::]:3000,v6only,backlog=4` as transport, place and options."""
    transport, rest = spec.split("/", 1)
    if rest.startswith("["):
        inside, after = rest[1:].split("]", 1)
        rest, options = (inside, after.split(",")[0]), after.split(",")[1:]
        place = (rest[0], int(rest[1][1:]))
    else:
        rest, *options = rest.split(",")
        place = rest
        if not transport.startswith("unix"):
            host, port = rest.rsplit(":", 1)
            place = (host, int(port))
    named = dict((option.split("=", 1) + [""])[:2] for option in options)
    return transport, place, named


KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "unix": socket.SOCK_STREAM,
         "unix_datagram": socket.SOCK_DGRAM, "unix_packet": socket.SOCK_SEQPACKET}


def unix_name(path):
    return b"\0" + os.fsencode(path[1:]) if path.startswith("@") else os.fsencode(path)


def open_socket(spec):
    """Opens, binds and, where the kind listens, listens. Options: v6only, dual, reuseport, noreuse, device=NAME,
    backlog=N, silent (binds only), mptcp, dup (a second descriptor)."""
    transport, place, options = split(spec)
    kind = KINDS[transport]
    if transport.startswith("unix"):
        sock = socket.socket(socket.AF_UNIX, kind)
        sock.bind(unix_name(place))
    else:
        family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        sock = socket.socket(family, kind, IPPROTO_MPTCP if "mptcp" in options else 0)
        if "noreuse" not in options and kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if "reuseport" in options:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6 and ("v6only" in options or "dual" in options):
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int("v6only" in options))
        if "device" in options:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, options["device"].encode() + b"\0")
        # getaddrinfo understands the zone of a link-local address.
        sock.bind(socket.getaddrinfo(*place, family, kind)[0][4])
    if kind != socket.SOCK_DGRAM and "silent" not in options:
        sock.listen(int(options.get("backlog", 128)))
    if "dup" in options:
        OPEN.append(sock.dup())
    return sock


def dial(spec):
    """Connects to `tcp/127.0.0.1:3000`, from `from=127.0.0.1:40000` where that option is given."""
    transport, place, options = split(spec)
    if transport.startswith("unix"):
        sock = socket.socket(socket.AF_UNIX, KINDS[transport])
        sock.connect(unix_name(place))
        return sock
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    sock = socket.socket(family, KINDS[transport])
    if "from" in options:
        host, port = options["from"].rsplit(":", 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host.strip("[]"), int(port)))
    sock.connect(socket.getaddrinfo(*place, family, KINDS[transport])[0][4])
    return sock


def fact(sock):
    """What the kernel says of a socket, as a document."""
    name = sock.getsockname()
    said = {"fd": sock.fileno(), "inode": os.fstat(sock.fileno()).st_ino}
    if sock.family == socket.AF_UNIX:
        said["path"] = os.fsdecode(name).replace("\0", "@")
    else:
        said["address"], said["port"] = name[0], name[1]
    return said


def say(word, **facts):
    sys.stdout.write(word + " " + json.dumps(facts) + "\n")
    sys.stdout.flush()


def ready(*sockets, **facts):
    OPEN.extend(sockets)
    facts.setdefault("pid", os.getpid())
    say("READY", sockets=[fact(sock) for sock in sockets], **facts)


def obey():
    """Does what stdin says, one command per line, until it ends; then the whole process ends."""
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "open":
            OPEN.append(open_socket(rest))
            say("OPENED", **fact(OPEN[-1]))
        elif word == "connect":
            OPEN.append(dial(rest))
            say("CONNECTED", **fact(OPEN[-1]))
        elif word == "listen":
            OPEN[int(rest)].listen(128)
            say("LISTENING")
        elif word == "accept":
            OPEN.append(OPEN[int(rest)].accept()[0])
            say("ACCEPTED", **fact(OPEN[-1]))
        elif word == "close":
            OPEN[int(rest)].close()
            say("CLOSED")
        elif word == "send":
            at, _, text = rest.partition(" ")
            OPEN[int(at)].sendall(text.encode())
            say("SENT")
        else:
            raise ValueError(f"unknown command {line!r}")
    os._exit(0)


def rest():
    """Waits for a signal, for ever."""
    while True:
        signal.pause()


def fork(body):
    """Runs body(report) in a child that dies with this process; gives its pid and what it reported."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            die_with_parent()
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            os.close(null)

            def report(**facts):
                os.write(write, json.dumps(facts).encode() + b"\n")
                os.close(write)

            body(report)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(write)
    with os.fdopen(read) as answer:
        line = answer.readline()
    if not line:
        raise RuntimeError("a child ended before it reported")
    return pid, json.loads(line)
