//! Programs that compare what they asked with what they got, and are answered with what they asked.

use super::Stage;

/// Says what a socket is called at each turn of its life.
const NAMES: &str = r#"
import ctypes, socket
a = socket.socket(); a.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); a.bind(("0.0.0.0", 3000)); print(a.getsockname())
a.listen(); print(a.getsockname()[1])
c = socket.create_connection(("127.0.0.1", 3000)); b, peer = a.accept(); print(b.getsockname(), peer == c.getsockname(), peer[1] != 3000)
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u.bind(("::1", 5353)); print(u.getsockname()[:2])
z = socket.socket(); z.bind(("127.0.0.1", 0)); print(z.getsockname()[1] > 3000)
x, y = socket.socketpair(); print(x.getsockname() == "")
libc = ctypes.CDLL(None, use_errno=True)
for room in (16, 4, 0, -1):
    name, length = ctypes.create_string_buffer(b"-" * 15), ctypes.c_int(room)
    done = libc.getsockname(a.fileno(), name, ctypes.byref(length))
    print(done, ctypes.get_errno() if done else 0, name.raw[:6].hex(), length.value)
print(libc.getsockname(a.fileno(), 8, ctypes.byref(ctypes.c_int(16))), ctypes.get_errno(), libc.getsockname(a.fileno(), name, 8), ctypes.get_errno())
"#;

#[test]
fn those_who_are_to_be_answered_so_are() {
    let Some(stage) = Stage::new() else { return };
    let ran = stage.portward(&stage.one, &["run", "--as-asked", "python3", "-c", NAMES]).expect(0);
    let said = "('0.0.0.0', 3000)\n3000\n('127.0.0.1', 3000) True True\n('::1', 5353)\nTrue\nTrue\n\
                0 0 02000bb80000 16\n0 0 02000bb82d2d 16\n0 0 2d2d2d2d2d2d 16\n-1 22 2d2d2d2d2d2d -1\n-1 14 -1 14\n";
    // Of four bytes of room, four are written.
    assert_eq!(ran.stdout, said, "{}", ran.stderr);
    let port = stage.port(&stage.one, "3000");
    assert!(
        ran.stderr.contains(&format!("asked 0.0.0.0:3000   serves http://localhost:{port}")),
        "what is told is true: {}",
        ran.stderr
    );
    let ran = stage.portward(&stage.one, &["run", "python3", "-c", NAMES]).expect(0);
    assert!(ran.stdout.starts_with(&format!("('0.0.0.0', {port})\n{port}\n")), "nobody else: {}", ran.stdout);
}

#[test]
fn an_address_of_the_machine_is_answered_as_asked_too() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_lan("eth0", "192.168.77.1/24");
    let code = "import socket; a = socket.socket(); a.bind(('192.168.77.1', 3000)); a.listen(); print(a.getsockname())\n\
                c = socket.create_connection(a.getsockname()); b, _ = a.accept(); print(b.getsockname())";
    let ran = stage.portward(&stage.one, &["run", "--as-asked", "python3", "-c", code]).expect(0);
    assert_eq!(ran.stdout, "('192.168.77.1', 3000)\n('192.168.77.1', 3000)\n");
}

#[test]
fn it_is_settled_when_a_session_starts() {
    let Some(stage) = Stage::new() else { return };
    let path = stage.world.portward_path().to_str().unwrap().to_owned();
    for flag in ["--as-asked", "--strict"] {
        let ran = stage.portward(&stage.one, &["run", &path, "run", flag, "true"]).expect(125);
        assert!(ran.stderr.contains(flag), "{}", ran.stderr);
    }
    let refused = stage.portward(&stage.one, &["run", "--as-asked", "--isolated", "true"]).expect(125);
    assert!(refused.stderr.contains("--as-asked"), "{}", refused.stderr);
}

#[test]
fn programs_that_are_known_for_it_need_no_flag() {
    let Some(stage) = Stage::new() else { return };
    let _ = stage.world.file("one/storybook", format!("#!/usr/bin/env python3\n{NAMES}"));
    let _ = stage.world.run(&["chmod", "755", stage.one.join("storybook").to_str().unwrap()]).expect(0);
    let ran = stage.portward(&stage.one, &["run", "./storybook", "dev"]).expect(0);
    assert!(ran.stdout.starts_with("('0.0.0.0', 3000)\n3000\n"), "{ran}");
    let _ = stage.world.file("one/package.json", r#"{"scripts": {"book": "./storybook dev"}}"#);
    if portward_testkit::program("npm").is_some() {
        let ran = stage.portward(&stage.one, &["run", "npm", "run", "--silent", "book"]).expect(0);
        assert!(ran.stdout.starts_with("('0.0.0.0', 3000)\n3000\n"), "{ran}");
    }
}
