# A person at a terminal: for each word, begins a line in a shell, presses TAB, then ENTER, and tells what portward was given.
# Arguments: the shell's name, its program, the completion script, the real portward, a folder, and the words as JSON.
import fcntl, json, os, pty, select, signal, socket, struct, sys, termios, time
from concurrent.futures import ThreadPoolExecutor

shell, program, script, real, folder, cases = sys.argv[1:7]
cases = json.loads(cases)
# A hush of prompts: each shell says when it waits for a line.
MARK = "READY>"
with open(os.path.join(folder, "rc"), "w") as file:
    if shell == "bash":
        file.write(f"PS1='{MARK} '\nPS2='MORE>'\nbind 'set bell-style none'\nbind 'set enable-bracketed-paste off'\nset -o histexpand\nsource {script}\n")
    elif shell == "zsh":
        file.write(f"PS1='{MARK} '\nPS2='MORE>'\nsetopt extendedglob bang_hist interactivecomments\nunsetopt beep promptsp\nautoload -U compinit && compinit -u -D\nsource {script}\n")
    elif shell == "fish":
        file.write(f"set -g fish_greeting\nset -g fish_autosuggestion_enabled 0\nfunction fish_prompt; echo -n '{MARK} '; end\nsource {script}\n")
    elif shell == "nushell":
        file.write(f"$env.config.show_banner = false\n$env.config.completions.quick = true\n$env.PROMPT_COMMAND = {{|| '' }}\n$env.PROMPT_COMMAND_RIGHT = {{|| '' }}\n$env.PROMPT_INDICATOR = '{MARK} '\nsource {script}\n")
    elif shell == "powershell":
        file.write(f"function prompt {{ '{MARK} ' }}\nSet-PSReadLineOption -PredictionSource None\nSet-PSReadLineKeyHandler -Key Tab -Function TabCompleteNext\n. {script}\n")
rc = os.path.join(folder, "rc")
os.makedirs(os.path.join(folder, "zsh"), exist_ok=True)
os.replace(rc, os.path.join(folder, "zsh", ".zshrc")) if shell == "zsh" else None
start = {
    "bash": [program, "--noprofile", "--rcfile", rc, "-i"],
    "zsh": [program, "-d", "-i"],
    "fish": [program, "--no-config", "-i", "-C", f"source {rc}"],
    "nushell": [program, "--config", rc, "--no-history"],
    "powershell": [program, "-NoLogo", "-NoProfile", "-NoExit", "-File", rc],
}[shell]


class Terminal:
    def __init__(self, empty, environment):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(empty)
            os.execve(program, start, environment)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 400, 0, 0))
        self.text = b""

    # Reads until what is waited for is so, and nothing has come for a while.
    def read(self, quiet, until=lambda text: True, most=30):
        end = time.monotonic() + most
        since = len(self.text)
        while time.monotonic() < end:
            ready, _, _ = select.select([self.master], [], [], quiet)
            if not ready:
                if until(self.text[since:]):
                    return
                continue
            try:
                piece = os.read(self.master, 65536)
            except OSError:
                return
            # Where is the cursor?
            for _ in range(piece.count(b"\x1b[6n")):
                os.write(self.master, b"\x1b[1;1R")
            self.text += piece

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.master)


def executable(path, text):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o755)


def places(number):
    return (os.path.join(folder, f"{name}{number}") for name in ("s", "bin", "empty", "told", "owned", "done"))


# A folder for each, so that one name alone fits. All before anything is forked, which would keep files open for writing.
for number in range(len(cases)):
    place, tools, empty, told, mark, done = places(number)
    for each in (place, tools, empty):
        os.makedirs(each)
    # What completes is the real program, and everything else is written down.
    executable(os.path.join(tools, "portward"), f"""#!/bin/sh
if [ "$1" = complete ]; then {real} "$@"; : > {done}; exit; fi
printf '%s\\0' "$@" >> {told}
printf '\\001\\0' >> {told}
""")
    # What must not run.
    executable(os.path.join(tools, "owned"), f"#!/bin/sh\n: > {mark}\n")


def one(number):
    case = cases[number]
    place, tools, empty, told, mark, done = places(number)
    environment = dict(os.environ, PATH=f"{tools}:/usr/bin:/bin", TERM="xterm", HOME=folder, ZDOTDIR=os.path.join(folder, "zsh"),
                       XDG_CONFIG_HOME=folder, XDG_DATA_HOME=folder, LC_ALL="C.UTF-8")
    name = bytes.fromhex(case["name"])
    # The server, in a process of its own, which has its own name.
    ready, begun = os.pipe()
    server = os.fork()
    if server == 0:
        if case["kind"] == "socket":
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(os.fsencode(place) + b"/" + name)
            listener.listen()
            # It serves on without its file, which a shell that completes files would offer otherwise.
            os.remove(os.fsencode(place) + b"/" + name)
        else:
            listener = socket.create_server(("127.0.0.1", 0))
            with open("/proc/self/comm", "wb") as comm:
                comm.write(name)
        os.write(begun, b"1")
        time.sleep(600)
        os._exit(0)
    os.read(ready, 1)
    terminal = Terminal(empty, environment)
    terminal.read(0.2, lambda text: MARK.encode() in text)
    terminal.type(case["typed"].replace("PLACE", place))
    terminal.read(0.2)
    terminal.type("\t")
    terminal.read(0.5, lambda text: os.path.exists(done), 15)
    # Nushell offers even one word in a menu.
    if shell == "nushell":
        terminal.type("\r")
        terminal.read(0.3)
    terminal.type("\r")
    terminal.read(0.3, lambda text: os.path.exists(told), 5)
    # A line that is still open is given up.
    terminal.type("\x03")
    terminal.read(0.2)
    terminal.end()
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)
    arrived = []
    if os.path.exists(told):
        line = []
        for word in open(told, "rb").read().split(b"\0")[:-1]:
            if word == b"\x01":
                arrived.append([each.hex() for each in line])
                line = []
            else:
                line.append(word)
    return {"arrived": arrived, "left": sorted(os.listdir(empty)), "owned": os.path.exists(mark), "asked": os.path.exists(done),
            "place": place, "screen": terminal.text.decode(errors="replace")}


with ThreadPoolExecutor(6) as people:
    print(json.dumps(list(people.map(one, range(len(cases))))))
