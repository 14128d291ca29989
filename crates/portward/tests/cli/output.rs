//! stdout as a pipe, a full disk, a narrow terminal: what is said, where, and in which colour.

use portward_testkit::World;

use crate::world;

/// A world with so many sockets that the answer does not fit into a pipe's buffer.
fn crowd(world: &World) -> portward_testkit::Actor {
    let specs: Vec<String> = (0..300).map(|at| format!("tcp/127.0.0.1:{}", 10_000 + at)).collect();
    let mut role = vec!["listen"];
    role.extend(specs.iter().map(String::as_str));
    world.actor(&role)
}

#[test]
fn a_reader_that_has_enough() {
    let Some(world) = world() else { return };
    let _actor = crowd(&world);
    let portward = world.portward_path().to_str().unwrap();
    for arguments in
        ["list", "list --json", "list --ndjson", "list --all --json", "snapshot", "graph --format json", "explain 10000"]
    {
        // The shell reports the exit code on its stderr: not the one of a program that a signal or a panic ended.
        let command = format!("{{ \"$0\" {arguments}; echo \"code $?\" >&2; }} | head -c 1 >/dev/null");
        let outcome = world.run(&["sh", "-c", &command, portward]).expect(0);
        let code = outcome.stderr.lines().last().unwrap_or_default();
        assert!(["code 0", "code 141"].contains(&code), "{arguments}: {outcome}");
        for word in ["panicked", "roken pipe", "rror"] {
            assert!(!outcome.stderr.contains(word), "{arguments}: {outcome}");
        }
    }
}

#[test]
fn a_full_disk_is_told() {
    let Some(world) = world() else { return };
    let _actor = crowd(&world);
    let portward = world.portward_path().to_str().unwrap();
    for arguments in ["list", "list --json", "snapshot"] {
        let outcome = world.run(&["sh", "-c", &format!("exec \"$0\" {arguments} >/dev/full"), portward]);
        assert_eq!(outcome.code, Some(2), "{outcome}");
        assert!(!outcome.stderr.is_empty() && !outcome.stderr.contains("panicked"), "{outcome}");
    }
}

#[test]
fn a_closed_stdout_does_not_end_in_a_panic() {
    let Some(world) = world() else { return };
    let portward = world.portward_path().to_str().unwrap();
    for command in ["exec \"$0\" list >&-", "exec \"$0\" list >&- 2>&-", "exec \"$0\" explain 70000 2>&-"] {
        let outcome = world.run(&["sh", "-c", command, portward]);
        assert!(outcome.code.is_some_and(|code| code <= 2) && !outcome.stderr.contains("panicked"), "{outcome}");
    }
}

#[test]
fn no_colour_in_a_pipe_and_colour_when_it_is_asked_for() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/0.0.0.0:3000"]);
    // Without the age, which goes on.
    let columns = ["list", "--columns", "port,address,reach,process,project,user,clients"];
    let plain = world.portward(&columns).expect(0);
    assert!(!plain.stdout.contains('\u{1b}'), "{:?}", plain.stdout);
    let always = [&columns[..], &["--color", "always"]].concat();
    let coloured = world.enter().env("TERM", "xterm-256color").portward(&always).expect(0);
    assert!(coloured.stdout.contains('\u{1b}'), "{:?}", coloured.stdout);
    let never = world.enter().env("CLICOLOR_FORCE", "1").portward(&["list", "--color", "never"]).expect(0);
    assert!(!never.stdout.contains('\u{1b}'));
    let refused = world.enter().env("NO_COLOR", "1").portward(&columns).expect(0);
    assert_eq!(refused.stdout, plain.stdout);
    // Readable without colour: the same words.
    let stripped = without_colour(&coloured.stdout);
    assert_eq!(stripped.split_whitespace().collect::<Vec<_>>(), plain.stdout.split_whitespace().collect::<Vec<_>>());
}

/// The text without its colour sequences.
fn without_colour(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    out + rest
}

#[test]
fn documents_are_never_coloured() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["list", "--json", "--color", "always"]).expect(0);
    assert!(!outcome.stdout.contains('\u{1b}'));
    let _ = outcome.reading();
}

#[test]
fn a_narrow_terminal_drops_columns_and_says_which() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000", "tcp/[::]:3001,dual"]);
    for columns in [40, 60, 80, 100] {
        let outcome = world.enter().env("COLUMNS", columns.to_string()).portward(&["list"]).expect(0);
        for line in outcome.stdout.lines() {
            assert!(line.chars().count() <= columns, "{columns}: {line:?}");
        }
        assert!(outcome.stdout.contains("3000") && outcome.stdout.contains("3001"), "{outcome}");
        if columns == 40 {
            let said = format!("{}{}", outcome.stdout, outcome.stderr).to_uppercase();
            assert!(said.contains("CLIENTS") || said.contains("AGE"), "the dropped columns are named: {outcome}");
        }
    }
}

#[test]
fn wide_characters_count_double() {
    let Some(world) = world() else { return };
    let name = portward_testkit::hex("日本語サ".as_bytes());
    let _actor = world.actor(&["named", &name, "tcp/127.0.0.1:3000"]);
    let _other = world.actor(&["listen", "tcp/127.0.0.1:3001"]);
    let outcome = world.portward(&["list", "--columns", "port,process,user"]).expect(0);
    let width = |text: &str| text.chars().map(|c| if c as u32 > 0x2e80 { 2 } else { 1 }).sum::<usize>();
    let starts: Vec<usize> = outcome.stdout.lines().filter_map(|line| line.find("root").map(|at| width(&line[..at]))).collect();
    assert_eq!(starts.len(), 2, "{outcome}");
    assert_eq!(starts[0], starts[1], "{outcome}");
}

#[test]
fn a_real_terminal_gets_colour_and_its_width() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/0.0.0.0:3000"]);
    // Python's pty gives portward a terminal of 60 columns.
    let code = r"
import fcntl, os, pty, struct, sys, termios
pid, master = pty.fork()
if pid == 0:
    os.environ.update(TERM='xterm-256color'); os.environ.pop('COLUMNS', None)
    sys.stdin.readline()
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 60, 0, 0))
os.write(master, b'\n')
text = b''
while True:
    try: piece = os.read(master, 4096)
    except OSError: break
    if not piece: break
    text += piece
print(repr(text)); print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";
    let portward = world.portward_path().to_str().unwrap();
    let outcome = world.run(&["python3", "-c", code, portward, "list"]).expect(0);
    assert!(outcome.stdout.contains("3000") && outcome.stdout.trim_end().ends_with("\n0"), "{outcome}");
    assert!(outcome.stdout.contains("\\x1b["), "colour marks a wildcard on a terminal: {outcome}");
    let plain = world.enter().env("NO_COLOR", "1").run(&["python3", "-c", code, portward, "list"]).expect(0);
    assert!(!plain.stdout.contains("\\x1b["), "{plain}");
}

#[test]
fn on_a_terminal_free_asks_first() {
    let Some(world) = world() else { return };
    let code = r"
import os, pty, sys
answer = sys.argv[1].encode() + b'\n'
pid, master = pty.fork()
if pid == 0:
    os.environ.update(TERM='xterm'); os.execv(sys.argv[2], sys.argv[2:])
text = b''
while b'?' not in text:
    text += os.read(master, 4096)
os.write(master, answer)
while True:
    try: piece = os.read(master, 4096)
    except OSError: break
    if not piece: break
    text += piece
sys.stdout.write(text.decode()); print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";
    let portward = world.portward_path().to_str().unwrap();
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    for no in ["n", "", "what"] {
        let outcome = world.run(&["python3", "-c", code, no, portward, "free", "3000"]).expect(0);
        assert!(actor.is_alive(), "{outcome}");
        assert!(outcome.stdout.contains(&actor.pid().to_string()), "the question names it: {outcome}");
        assert!(!outcome.stdout.trim_end().ends_with("\n0"), "{outcome}");
    }
    let outcome = world.run(&["python3", "-c", code, "y", portward, "free", "3000"]).expect(0);
    assert!(outcome.stdout.trim_end().ends_with('0'), "{outcome}");
    assert_eq!(actor.ended_by(), Some(15), "{outcome}");
}
