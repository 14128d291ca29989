//! A file system that does not answer, as that of a dead server: nobody who only looks is held up by it.

use portward_testkit::{program, skip};

use crate::world;

/// Mounts a file system of FUSE, answers its first question, and then stands still; what waits for it is let go by its end.
const STILL: &str = r#"
import ctypes, os, signal, struct, sys
os.makedirs(sys.argv[1], exist_ok=True)
try:
    door = os.open("/dev/fuse", os.O_RDWR)
except OSError:
    sys.exit(print("none", flush=True))
options = b"fd=%d,rootmode=40000,user_id=0,group_id=0" % door
if ctypes.CDLL(None).mount(b"still", sys.argv[1].encode(), b"fuse", 0, options) < 0:
    sys.exit(print("none", flush=True))
unique = struct.unpack("<IIQQ", os.read(door, 1 << 20)[:24])[2]
answer = struct.pack("<IIIIHHIIHHI7I", 7, 31, 65536, 0, 12, 9, 4096, 1, 1, 0, 0, *([0] * 7))
os.write(door, struct.pack("<IiQ", 16 + len(answer), 0, unique) + answer)
print("still", flush=True)
signal.alarm(120)
signal.pause()
"#;

#[test]
fn a_dead_home_holds_up_nobody() {
    let Some(world) = world() else { return };
    if program("python3").is_none() {
        return;
    }
    let script = world.file("still.py", STILL);
    let home = world.path().join("dead");
    let mut server = world.enter().start(&["python3", script.to_str().unwrap(), home.to_str().unwrap()]);
    if server.line() != "still" {
        skip("FUSE in a world of its own");
        return;
    }
    for command in [&["ps"][..], &["lease", "list"], &["list"]] {
        let entry = world.enter().env("HOME", home.join("ana")).env("XDG_STATE_HOME", home.join("state"));
        let outcome = entry.portward(command);
        assert!(!outcome.stderr.contains("panicked"), "{command:?}: {}", outcome.stderr);
    }
    let path = format!("unix:{}", home.join("x.sock").display());
    let waited = world.portward(&["wait", &path, "--timeout", "1s"]).expect(1);
    assert!(format!("{}{}", waited.stdout, waited.stderr).contains("is not ready"), "{}", waited.stderr);
    assert!(server.is_alive(), "somebody waited for it");
}
