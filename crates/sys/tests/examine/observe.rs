//! A client that is run while its connects are noted.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    time::Duration,
};

use portward_model::{DialTarget, Observed, Text};
use portward_sys::{SysError, this_machine};
use portward_testkit::{program, skip, until};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

use crate::inside::in_own_network;

fn observe(argv: &[&str], patience: Duration) -> Observed {
    let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
    this_machine().unwrap().observe(&argv, patience).unwrap()
}

/// Runs Python code; `None`, loudly, where there is no Python or the kernel gives no filter.
fn python(code: &str, arguments: &[&str]) -> Option<Observed> {
    let python = program("python3")?;
    let mut argv = vec![python.to_str().unwrap(), "-c", code];
    argv.extend(arguments);
    let observed = observe(&argv, LONG);
    if !observed.watched {
        skip("a filter of system calls that reports (seccomp_unotify)");
        return None;
    }
    Some(observed)
}

fn ends(observed: &Observed) -> Vec<(DialTarget, Option<i32>)> {
    observed.connects.iter().map(|connect| (connect.at.clone(), connect.errno)).collect()
}

#[test]
fn refused_and_made() {
    // Bound and not listening: nobody else can take the port meanwhile.
    let held = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&held, &"127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
    let refusing = SocketAddr::try_from(getsockname(&held).unwrap()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let serving = listener.local_addr().unwrap();
    let code = "import socket, sys, threading\n\
        def dial(port):\n    try: socket.create_connection(('127.0.0.1', int(port)))\n    except OSError as error: print(error, file=sys.stderr)\n\
        dial(sys.argv[1])\nthread = threading.Thread(target=dial, args=[sys.argv[2]])\nthread.start(); thread.join()\n\
        print('done'); sys.exit(7)";
    let ports = [refusing, serving].map(|address| address.port().to_string());
    let Some(observed) = python(code, &[&ports[0], &ports[1]]) else { return };
    let expected = [(DialTarget::Inet(refusing), Some(111)), (DialTarget::Inet(serving), Some(0))];
    assert_eq!((ends(&observed), observed.code), (expected.to_vec(), Some(7)));
    let printed = observed.printed.shown();
    assert!(printed.contains("Connection refused") && printed.contains("done"), "{printed}");
    assert!(observed.connects.iter().all(|connect| connect.pid != std::process::id()));
}

#[test]
fn without_waiting_and_reset_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        client.peek(&mut [0; 1]).unwrap();
        // A close with unread bytes is a reset.
    });
    let code = "import socket, sys, select\ns = socket.socket(); s.setblocking(False)\n\
        try: s.connect(('127.0.0.1', int(sys.argv[1])))\nexcept BlockingIOError: pass\n\
        select.select([], [s], []); s.send(b'x'); s.setblocking(True)\n\
        try: s.recv(1)\nexcept OSError as error: print(error)\n";
    let observed = python(code, &[&at.port().to_string()]);
    let Some(observed) = observed else { return };
    server.join().unwrap();
    assert_eq!(ends(&observed), [(DialTarget::Inet(at), Some(0))]);
    assert!(observed.printed.shown().contains("reset"), "{}", observed.printed);
}

#[test]
fn refused_by_the_machine_itself_is_no_answer_of_a_server() {
    // No route leads to a broadcast address, and nothing is sent.
    let code =
        "import socket\ntry: socket.create_connection(('255.255.255.255', 9))\nexcept OSError as error: print(error.errno)";
    let Some(observed) = python(code, &[]) else { return };
    assert_eq!(ends(&observed), [(DialTarget::Inet("255.255.255.255:9".parse().unwrap()), None)]);
}

#[test]
fn children_and_unix_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let code = "import socket, sys, os\n\
        def dial(path):\n    s = socket.socket(socket.AF_UNIX)\n    try: s.connect(path)\n    except OSError as error: print(error)\n\
        if os.fork() == 0:\n    dial(sys.argv[1]); os._exit(0)\nos.wait(); dial(sys.argv[1] + '.missing')";
    let Some(observed) = python(code, &[path.to_str().unwrap()]) else { return };
    let text = |path: &std::path::Path| DialTarget::Unix(Text::new(path.as_os_str().as_encoded_bytes()));
    let missing = folder.path().join("s.sock.missing");
    assert_eq!(ends(&observed), [(text(&path), Some(0)), (text(&missing), None)]);
    assert_ne!(observed.connects[0].pid, observed.connects[1].pid);
}

#[test]
fn one_that_does_not_end() {
    let observed = observe(&["sh", "-c", "trap '' TERM; echo started; while :; do sleep 60; done"], Duration::from_millis(300));
    assert_eq!((observed.code, observed.printed.raw()), (None, &b"started\n"[..]));
    let ended = observe(&["sh", "-c", "kill -KILL $$"], LONG);
    assert_eq!(ended.code, Some(137));
}

#[test]
fn much_is_printed() {
    // What it prints is passed on to standard error, which would fill this test's own.
    in_own_network("observe::inside_with_much_that_is_printed");
}

#[test]
#[ignore = "much_is_printed runs it where its words are caught"]
fn inside_with_much_that_is_printed() {
    let observed = observe(
        &[
            "sh",
            "-c",
            "i=0; while [ $i -lt 3000 ]; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; i=$((i + 1)); done; echo end",
        ],
        LONG,
    );
    assert_eq!(observed.code, Some(0));
    assert!(observed.printed.raw().len() == 64 * 1024 && observed.printed.raw().ends_with(b"\nend\n"));
}

#[test]
fn what_is_left_running_may_still_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (go, said) = (folder.path().join("go"), folder.path().join("said"));
    let code = "import os, socket, sys, time\n\
        if os.fork() == 0:\n    os.setsid(); os.close(1); os.close(2)\n    while not os.path.exists(sys.argv[2]): time.sleep(0.01)\n\
        \x20   try: socket.create_connection(('127.0.0.1', int(sys.argv[1]))); said = 'connected'\n\
        \x20   except OSError as error: said = str(error)\n    open(sys.argv[3] + '~', 'w').write(said); os.rename(sys.argv[3] + '~', sys.argv[3])\n";
    let port = listener.local_addr().unwrap().port().to_string();
    let Some(observed) = python(code, &[&port, go.to_str().unwrap(), said.to_str().unwrap()]) else { return };
    assert_eq!((observed.code, ends(&observed)), (Some(0), Vec::new()));
    fs::write(&go, "").unwrap();
    let said = until("a word of what was left", || fs::read_to_string(&said).ok());
    assert_eq!(said, "connected");
}

#[test]
fn inside_another_observer_it_runs_unobserved() {
    let here = std::env::current_exe().unwrap();
    let inner = ["env", "-u", "PORTWARD_SKIPS", here.to_str().unwrap(), "--exact", "observe::refused_and_made", "--nocapture"];
    let observed = observe(&inner, LONG);
    if !observed.watched {
        skip("a filter of system calls that reports (seccomp_unotify)");
        return;
    }
    let printed = observed.printed.shown();
    assert!(printed.contains("SKIPPED: observe::refused_and_made") && printed.contains("1 passed"), "{printed}");
    // The outer one sees what the inner one does not.
    assert_eq!(observed.connects.iter().map(|connect| connect.errno).collect::<Vec<_>>(), [Some(111), Some(0)]);
}

#[test]
fn one_that_is_not_there() {
    let missing = ["/no/such/program".to_owned()];
    let refused = this_machine().unwrap().observe(&missing, LONG);
    assert!(matches!(&refused, Err(SysError::Start { program, .. }) if program == "/no/such/program"), "{refused:?}");
    assert!(matches!(this_machine().unwrap().observe(&[], LONG), Err(SysError::Start { .. })));
}

const LONG: Duration = Duration::from_mins(1);
