"""Who holds a socket, and how it came by it."""

import array
import os
import signal
import socket
import subprocess
import sys
import threading

import stage


def inherit(spec, count="3"):
    """A parent and COUNT forked children that all keep the listener."""
    sock = stage.open_socket(spec)

    def keep(report):
        report(pid=os.getpid())
        stage.rest()

    children = [stage.fork(keep)[0] for _ in range(int(count))]
    stage.ready(sock, children=children)


def handed_down(spec):
    """A parent that opens the listener, gives it to a forked child and closes its own copy."""
    sock = stage.open_socket(spec)
    said = stage.fact(sock)

    def keep(report):
        report(pid=os.getpid())
        stage.rest()

    child, _ = stage.fork(keep)
    sock.close()
    stage.say("READY", pid=os.getpid(), child=child, sockets=[said])


def reuseport(count, spec):
    """COUNT processes with a socket each on one port."""
    first = stage.open_socket(spec + ",reuseport")
    port = first.getsockname()[1]
    transport, place, _ = stage.split(spec)
    host = f"[{place[0]}]" if ":" in place[0] else place[0]
    again = f"{transport}/{host}:{port},reuseport"

    def another(report):
        first.close()
        sock = stage.open_socket(again)
        report(**stage.fact(sock))
        stage.rest()

    others = [stage.fork(another) for _ in range(int(count) - 1)]
    stage.ready(first, pids=[os.getpid()] + [pid for pid, _ in others],
                inodes=[os.fstat(first.fileno()).st_ino] + [said["inode"] for _, said in others])


def send_descriptor(channel, sock):
    rights = array.array("i", [sock.fileno()]).tobytes()
    channel.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])


def passed(spec):
    """An activator that opens the listener and sends it to an unrelated worker; both keep it."""
    ours, theirs = socket.socketpair()

    def activator(report):
        theirs.close()
        sock = stage.open_socket(spec)
        send_descriptor(ours, sock)
        report(**stage.fact(sock))
        stage.rest()

    def worker(report):
        ours.close()
        # Programs that have nothing to do with each other have other files open: the number differs.
        stage.OPEN.extend(open(os.devnull) for _ in range(9))
        _, ancillary, _, _ = theirs.recvmsg(1, socket.CMSG_SPACE(4))
        fd = array.array("i", ancillary[0][2])[0]
        report(fd=fd)
        stage.rest()

    sender, said = stage.fork(activator)
    receiver, _ = stage.fork(worker)
    ours.close()
    theirs.close()
    stage.say("READY", pid=os.getpid(), activator=sender, worker=receiver, sockets=[said])


def in_flight(spec):
    """A listener that is in the queue of a Unix socket and in no process's table."""
    ours, theirs = socket.socketpair()
    sock = stage.open_socket(spec)
    said = stage.fact(sock)
    send_descriptor(ours, sock)
    sock.close()
    stage.OPEN.extend([ours, theirs])
    stage.say("READY", pid=os.getpid(), sockets=[said])


def private_table(spec):
    """A thread with a descriptor table of its own, and the listener in it."""
    opened = threading.Event()

    def own_table():
        stage.leave_file_table()
        sock = stage.open_socket(spec)
        stage.ready(sock, tid=threading.get_native_id())
        opened.set()
        threading.Event().wait()

    threading.Thread(target=own_table, daemon=True).start()
    opened.wait()


def dead_leader(spec):
    """A thread group whose first thread has ended while another one holds the listener."""
    leader_gone = threading.Event()

    def survivor():
        sock = stage.open_socket(spec)
        # The leader's own entry must be a zombie before the world is told to look.
        while True:
            with open(f"/proc/{os.getpid()}/stat", "rb") as file:
                if file.read().rsplit(b")", 1)[1].split()[0] == b"Z":
                    break
            leader_gone.wait(0.005)
        stage.ready(sock, tid=threading.get_native_id())
        stage.obey()

    threading.Thread(target=survivor).start()
    stage.end_thread()


def activated(spec):
    """A supervisor that opens the listener as descriptor 3 and starts a program for it, as sd_listen_fds(3) says."""
    sock = stage.open_socket(spec)
    said = stage.fact(sock)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        stage.die_with_parent()
        os.dup2(write, 9)
        os.dup2(sock.fileno(), 3)
        os.set_inheritable(3, True)
        os.set_inheritable(9, True)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="web")
        code = "import os,signal; os.write(9, b'.'); os.close(9); signal.pause()"
        os.execv(sys.executable, [sys.executable, "-E", "-s", "-c", code])
    os.close(write)
    if os.read(read, 1) != b".":
        raise RuntimeError("the activated program ended at once")
    stage.ready(sock, child=pid)


def deleted(spec):
    """A program whose file is deleted while it listens: a copy of the interpreter."""
    copy = os.path.join(os.environ["TMPDIR"], "gone-server")
    subprocess.run(["cp", sys.executable, copy], check=True)
    child = subprocess.Popen([copy, "-B", "-s", sys.argv[0], "listen", spec], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             preexec_fn=stage.die_with_parent, env=dict(os.environ, PYTHONHOME=sys.base_prefix))
    line = child.stdout.readline().decode()
    os.unlink(copy)
    said = stage.json.loads(line.split(" ", 1)[1])
    stage.OPEN.append(child)
    stage.say("READY", pid=os.getpid(), child=child.pid, path=copy, sockets=said["sockets"])


def named(name, spec):
    """A process whose kernel name is these bytes, given in hexadecimal."""
    stage.rename(bytes.fromhex(name))
    stage.ready(stage.open_socket(spec))


def stubborn(spec):
    """A listener that ignores the polite signals."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    stage.ready(stage.open_socket(spec))


def churn(base, count):
    """COUNT children, each replaced by a new one as soon as it ends, that open a listener and end again and again."""
    def flicker(report):
        report(pid=os.getpid())
        number = 0
        while True:
            pid = os.fork()
            if pid == 0:
                stage.die_with_parent()
                stage.open_socket(f"tcp/127.0.0.1:{int(base) + os.getpid() % 500},reuseport")
                os._exit(0)
            os.waitpid(pid, 0)
            number += 1

    children = [stage.fork(flicker)[0] for _ in range(int(count))]
    stage.ready(children=children)


ROLES = {"inherit": inherit, "handed-down": handed_down, "reuseport": reuseport, "pass": passed, "in-flight": in_flight,
         "private-table": private_table, "dead-leader": dead_leader, "activated": activated, "deleted": deleted,
         "named": named, "stubborn": stubborn, "churn": churn}
