"""Types lines into a shell on a terminal of its own; waits for each to be answered."""

import json
import os
import pty
import select
import sys
import time

shell, lines = json.loads(sys.argv[1]), json.loads(sys.argv[2])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(shell[0], shell)
shown = b""


def read(until, seconds):
    """Reads on until the mark stands there; True where it does."""
    global shown
    start, end = len(shown), time.monotonic() + seconds
    while until not in shown[start:]:
        left = end - time.monotonic()
        if left <= 0:
            return False
        if select.select([terminal], [], [], left)[0]:
            try:
                part = os.read(terminal, 65536)
            except OSError:
                return False
            if not part:
                return False
            # Some shells ask where the cursor is, and wait for the answer.
            os.write(terminal, b"\x1b[1;1R" * part.count(b"\x1b[6n"))
            if b"\x1b[c" in part or b"\x1b[0c" in part:
                os.write(terminal, b"\x1b[?1;2c")
            shown += part
    return True


def settle():
    """Reads until the shell has said nothing for a while."""
    while True:
        before = len(shown)
        read(b"\0never", 0.3)
        if len(shown) == before:
            return


is_nu = os.path.basename(shell[0]) == "nu"
settle()
for number, line in enumerate(lines):
    # What marks the end is typed in two parts, so that what is typed is not taken for the answer.
    if is_nu:
        os.write(terminal, line.encode() + b"; print $'mark(%d)'\r" % number)
    else:
        os.write(terminal, line.encode() + b"\r")
        if line.startswith("bash ") or line == "exit":
            settle()
        os.write(terminal, b"echo 'mark''%d'\r" % number)
    if not read(b"mark%d" % number, 60):
        sys.stdout.buffer.write(shown)
        sys.exit("no answer to " + line)
    settle()
os.write(terminal, b"exit\r")
sys.stdout.buffer.write(shown)
