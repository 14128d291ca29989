"""Programs as people run them: chains of parents, restarting supervisors, servers that answer."""

import http.server
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading

import stage

HERE = os.path.dirname(os.path.abspath(sys.argv[0]))


def tree(spec, wrapper="npm run dev"):
    """A shell that runs a package script that runs a server: only the last one listens.

    The middle process looks as npm does, whose whole command line is its title; the last one looks as node does.
    """
    server = os.path.join(os.getcwd(), "server.js")
    with open(server, "w") as file:
        file.write(f"""
import json, os, sys
sys.path.insert(0, {HERE!r})
import stage
stage.rename(b"node")
sock = stage.open_socket({spec!r})
os.write(9, json.dumps(dict(stage.fact(sock), leaf=os.getpid(), npm=os.getppid())).encode() + b"\\n")
stage.rest()
""")
    script = os.path.join(os.environ["TMPDIR"], "npm-title")
    with open(script, "w") as file:
        file.write(f"""
import subprocess, sys
sys.path.insert(0, {HERE!r})
import stage
stage.die_with_parent()
stage.rename({wrapper!r}.encode()[:15])
child = subprocess.Popen(["node", "server.js"], executable={sys.executable!r}, pass_fds=[9], preexec_fn=stage.die_with_parent)
child.wait()
""")
    read, write = os.pipe()
    os.dup2(write, 9)
    os.set_inheritable(9, True)
    # The shell stays because something follows the command. The title replaces the whole command line: an interpreter
    # without arguments reads its script from stdin.
    become = f"'{sys.executable}' -c 'import os, sys; os.execv(sys.executable, [sys.argv[1]])' '{wrapper}' <'{script}'; true"
    shell = subprocess.Popen(["sh", "-c", become], pass_fds=[9], preexec_fn=stage.die_with_parent,
                             env=dict(os.environ, PYTHONHOME=sys.base_prefix))
    os.close(write)
    os.close(9)
    with os.fdopen(read) as answer:
        said = stage.json.loads(answer.readline())
    stage.OPEN.append(shell)
    stage.say("READY", pid=os.getpid(), shell=shell.pid, npm=said["npm"], leaf=said["leaf"],
              sockets=[{key: said[key] for key in ("fd", "inode", "address", "port") if key in said}])


def supervised(spec, name="supervisord"):
    """A supervisor called NAME that starts its program again whenever it ends, and says AGAIN each time."""
    def program(report):
        stage.rename(b"web")
        sock = stage.open_socket(spec)
        report(**stage.fact(sock))
        stage.rest()

    stage.rename(name.encode()[:15])
    child, said = stage.fork(program)
    stage.say("READY", pid=os.getpid(), child=child, sockets=[said])
    while True:
        os.waitpid(child, 0)
        child, said = stage.fork(program)
        stage.say("AGAIN", child=child)


def as_script(path, *words):
    """Becomes `python3 PATH WORDS`, where PATH is a copy of the cast under another name."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(f"import sys\nsys.path.insert(0, {HERE!r})\nsys.argv[0] = {os.path.join(HERE, 'cast.py')!r}\nimport cast\ncast.main()\n")
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    os.execv(sys.executable, [os.path.basename(sys.executable), "-B", "-E", "-s", path, *words])


class Page(http.server.BaseHTTPRequestHandler):
    """Answers everything with a short page."""

    def do_GET(self):
        body = b"<title>stage</title>\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(sock, context=None):
    """Answers HTTP on a listener from a thread of its own."""
    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            pass  # A probe may leave in the middle of a sentence.

        def get_request(self):
            connection, peer = super().get_request()
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            return connection, peer

    server = Server(sock.getsockname()[:2], Page, bind_and_activate=False)
    server.socket.close()
    server.socket = sock
    threading.Thread(target=server.serve_forever, daemon=True).start()


def web(spec):
    """An HTTP server."""
    sock = stage.open_socket(spec)
    serve(sock)
    stage.ready(sock)


def tls(spec, certificate, key):
    """An HTTPS server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    sock = stage.open_socket(spec)
    serve(sock, context)
    stage.ready(sock)


def slow_web(spec):
    """A server that listens at once and answers HTTP only after the line `go`: it closes what comes before."""
    sock = stage.open_socket(spec)
    sock.settimeout(0.05)
    going = threading.Event()

    def refuse():
        while not going.is_set():
            try:
                sock.accept()[0].close()
            except socket.timeout:
                pass
        sock.settimeout(None)
        serve(sock)
        stage.say("SERVING")

    stage.ready(sock)
    threading.Thread(target=refuse, daemon=True).start()
    sys.stdin.readline()
    going.set()


def mute(spec):
    """A server that accepts and never says a word."""
    sock = stage.open_socket(spec)

    def accept():
        while True:
            stage.OPEN.append(sock.accept()[0])

    threading.Thread(target=accept, daemon=True).start()
    stage.ready(sock)


def graceful(spec):
    """A listener that on SIGTERM finishes its work first: it says TERM, waits for the line `done`, and ends with 0."""
    def finish(*_):
        stage.say("TERM")
        sys.stdin.readline()
        os._exit(0)

    signal.signal(signal.SIGTERM, finish)
    stage.ready(stage.open_socket(spec))
    stage.rest()


ROLES = {"tree": tree, "supervised": supervised, "as-script": as_script, "web": web, "tls": tls, "slow-web": slow_web,
         "mute": mute, "graceful": graceful}
