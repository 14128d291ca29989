//! What no client should send, and folders that nobody should have.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt};

use super::{Stage, at, field, status_of};

#[test]
fn requests_that_two_readers_would_read_differently() {
    let Some(stage) = Stage::new(&[], |_| {}) else { return };
    let host = format!("Host: localhost:{}\\r\\n", stage.port);
    let long = format!("GET / HTTP/1.1\\r\\n{host}X: {}\\r\\n\\r\\n", "x".repeat(100_000));
    let get = |rest: &str| format!("GET /plain.txt HTTP/1.1\\r\\n{host}{rest}\\r\\n");
    let cases = [
        (get("Connection: close\\r\\n"), 200),
        (format!("GET /plain.txt HTTP/1.1\\n{host}\\n"), 400),
        (format!("GET /plain.txt HTTP/1.1\\r\\n{host}X: a\\rb\\r\\n\\r\\n"), 400),
        (get("Content-Length: 1\\r\\nContent-Length: 2\\r\\n"), 400),
        (get("Content-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n"), 400),
        (get("Transfer-Encoding: xchunked\\r\\n"), 501),
        (get(" folded\\r\\n"), 400),
        (get("Host: localhost\\r\\n"), 400),
        ("GET / HTTP/1.1\\r\\n\\r\\n".to_owned(), 400),
        ("GET / HTTP/3.0\\r\\n\\r\\n".to_owned(), 505),
        ("\\x16\\x03\\x01\\x02\\x00".to_owned(), 400),
        ("PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n".to_owned(), 505),
        (format!("BREW / HTTP/1.1\\r\\n{host}Connection: close\\r\\n\\r\\n"), 405),
        (format!("CONNECT localhost:80 HTTP/1.1\\r\\n{host}Connection: close\\r\\n\\r\\n"), 405),
        (format!("TRACE / HTTP/1.1\\r\\n{host}Connection: close\\r\\n\\r\\n"), 405),
        (format!("OPTIONS * HTTP/1.1\\r\\n{host}Connection: close\\r\\n\\r\\n"), 204),
        (get("Expect: 100-continue\\r\\nContent-Length: 3\\r\\n"), 200),
        (format!("GET /\\xff HTTP/1.1\\r\\n{host}Connection: close\\r\\n\\r\\n"), 400),
        ("GET /plain.txt HTTP/1.0\\r\\n\\r\\n".to_owned(), 200),
        (long, 431),
    ];
    let requests: Vec<&str> = cases.iter().map(|(request, _)| request.as_str()).collect();
    for (answer, (request, status)) in stage.raw(&requests).iter().zip(&cases) {
        assert_eq!(status_of(answer), Some(*status), "{} -> {answer:?}", request.get(..200).unwrap_or(request));
    }
    // One after another on one connection, each is answered in its turn.
    let many = format!("{}{}{}", get(""), get("Range: bytes=0-1\\r\\n"), get("Connection: close\\r\\n"));
    let answer = &stage.raw(&[&many])[0];
    let statuses: Vec<&str> = answer.match_indices("HTTP/1.1 ").filter_map(|(at, _)| answer.get(at + 9..at + 12)).collect();
    assert_eq!(statuses, ["200", "206", "200"], "{answer}");
}

/// Sends a megabyte of head; holds many connections with half a head while others are served.
const PATIENT: &str = r#"
import socket, sys, time, urllib.request
port = int(sys.argv[1])
at = ("127.0.0.1", port)
s = socket.create_connection(at)
head = b"GET / HTTP/1.1\r\nHost: localhost:%d\r\nX: " % port + b"x" * 1000000
try: s.sendall(head)
except OSError: pass
print(s.recv(100).split(b"\r\n")[0].decode())
slow = [socket.create_connection(at) for _ in range(200)]
for one in slow: one.sendall(b"GET / HTTP/1.1\r\nHost: loc")
print(urllib.request.urlopen("http://localhost:%d/plain.txt" % port, timeout=5).read().decode().strip())
slow[0].settimeout(30)
print(slow[0].recv(100).split(b"\r\n")[0].decode())
"#;

/// Sends very many requests at once, reads late, and counts the answers.
const PIPELINE: &str = r#"
import socket, sys, threading, time
port, count = int(sys.argv[1]), 5000
s = socket.create_connection(("127.0.0.1", port))
one = b"GET /plain.txt HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % port
last = b"GET /gone HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n\r\n" % port
threading.Thread(target=lambda: s.sendall(one * count + last), daemon=True).start()
s.settimeout(30)
got = b""
while True:
    piece = s.recv(1 << 16)
    if not piece: break
    got += piece
print(got.count(b"HTTP/1.1 200 OK"), got.count(b"HTTP/1.1 404 "))
"#;

#[test]
fn requests_one_behind_another_are_all_answered() {
    let Some(stage) = Stage::new(&[], |_| {}) else { return };
    let outcome = at(&stage.world).run(&["python3", "-c", PIPELINE, &stage.port.to_string()]).expect(0);
    assert_eq!(outcome.stdout, "5000 1\n");
}

#[test]
fn heads_without_an_end_hold_up_nobody() {
    let Some(stage) = Stage::new(&[], |_| {}) else { return };
    let outcome = at(&stage.world).run(&["python3", "-c", PATIENT, &stage.port.to_string()]).expect(0);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines, ["HTTP/1.1 431 Request Header Fields Too Large", "plain", "HTTP/1.1 408 Request Timeout"], "{outcome}");
}

/// Reads the head of a large file, waits for a line, and counts what comes then.
const READER: &str = r#"
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
s.sendall(b"GET /%s HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n\r\n" % (sys.argv[2].encode(), int(sys.argv[1])))
got = s.recv(1000)
print("begun", flush=True)
sys.stdin.readline()
try:
    while True:
        piece = s.recv(1 << 20)
        if not piece: break
        got += piece
except OSError: pass
print(len(got) - got.index(b"\r\n\r\n") - 4, flush=True)
"#;

#[test]
fn a_file_that_changes_while_it_is_sent() {
    let Some(stage) = Stage::new(&[], |world| {
        world.file("site/shrinks", vec![b'x'; 50_000_000]);
        world.file("site/grows", vec![b'x'; 50_000_000]);
    }) else {
        return;
    };
    let read = |name: &str, length: u64| {
        let mut reader = at(&stage.world).start(&["python3", "-c", READER, &stage.port.to_string(), name]);
        assert_eq!(reader.line(), "begun");
        let file = fs::OpenOptions::new().write(true).open(stage.world.path().join("site").join(name)).expect("the file");
        file.set_len(length).expect("another length");
        reader.tell("go on");
        reader.line().parse::<u64>().expect("a number")
    };
    assert!(read("shrinks", 1_000_000) < 50_000_000, "the client sees that it is not whole");
    assert_eq!(read("grows", 60_000_000), 50_000_000, "what was promised");
    assert_eq!(stage.status(&[], "/plain.txt"), 200);
}

#[test]
fn a_folder_of_many_files_and_of_names_that_are_hostile() {
    let names: [&[u8]; 5] =
        [b"a\"b'c.txt", b"new\nline", b"<img src=x onerror=alert(1)>", b"\xff\xfe.txt", b"100%25 & more?#.txt"];
    let Some(stage) = Stage::new(&[], |world| {
        let folder = world.path().join("site");
        for name in names {
            fs::write(folder.join(OsStr::from_bytes(name)), name).expect("a file");
        }
        let _ = at(world).run(&["sh", "-c", "mkdir site/many && cd site/many && seq 20000 | xargs touch"]).expect(0);
    }) else {
        return;
    };
    let page = stage.curl(&[], "/");
    let policy = field(&page, "content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(
        !page.stdout.contains("<img")
            && !page.stdout.contains("new\nline")
            && !page.stdout.contains("http://")
            && !page.stdout.contains("https://"),
        "{page}"
    );
    // Every link of the page leads to its file.
    let follow = r#"
import html.parser, sys, urllib.request, urllib.parse
base = sys.argv[1]
links = []
class P(html.parser.HTMLParser):
    def handle_starttag(self, tag, attributes):
        links.extend(v for k, v in attributes if k == "href" and v.startswith("./"))
P().feed(urllib.request.urlopen(base).read().decode())
for link in links:
    if not link.endswith("/"):
        body = urllib.request.urlopen(urllib.parse.urljoin(base, link)).read()
        name = urllib.parse.unquote_to_bytes(link[2:])
        assert body == name or name == b"plain.txt", (link, body)
print(len(links))
"#;
    assert_eq!(at(&stage.world).run(&["python3", "-c", follow, &format!("{}/", stage.url)]).expect(0).stdout, "7\n");
    let many = stage.curl(&["-o", "many.html", "-w", "%{size_download}"], "/many/");
    assert!(many.code == Some(0), "{many}");
    let text = fs::read_to_string(stage.world.path().join("many.html")).unwrap_or_default();
    assert_eq!(text.matches("<tr><td><a href=\"./").count(), 20_000);
    assert!(text.find(">2<").expect("a row") < text.find(">10<").expect("a row"), "as people count");
    let told = stage.told("/many/");
    assert_eq!(told["status"], 200);
}
