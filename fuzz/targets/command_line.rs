//! Any bytes as a command line: nothing that is shown of it acts on a terminal; as a secret: it is not shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_model::CommandLine;

fuzz_target!(|bytes: &[u8]| {
    let line = CommandLine::from_kernel(bytes);
    assert_eq!(line.is_empty(), line.arguments().is_empty());
    for argument in line.arguments() {
        assert!(argument.shown().chars().all(|c| !c.is_control()));
    }
    // A secret of one word, known again by its two ends.
    if bytes.iter().any(|b| b.is_ascii_whitespace() || matches!(b, 0 | b'"' | b'\'' | b'`' | b',')) {
        return;
    }
    let secret = [BEGIN, bytes, END].concat();
    hides(&[b"redis-server\0--requirepass\0", &secret, b"\0"]);
    hides(&[b"app\0--db-password=", &secret, b"\0-v\0"]);
    hides(&[b"env\0STRIPE_API_KEY=", &secret, b"\0app\0"]);
    hides(&[b"curl\0-H\0Authorization: Bearer ", &secret, b"\0"]);
    hides(&[b"curl\0-u\0ana:", &secret, b"\0http://localhost:3000\0"]);
    hides(&[b"mysql\0-u\0root\0-p", &secret, b"\0shop\0"]);
    hides(&[b"vault\0login\0", &secret, b"\0"]);
    hides(&[b"sshpass\0-p\0", &secret, b"\0ssh\0ana@db\0"]);
    if bytes.iter().all(u8::is_ascii_alphanumeric) {
        hides(&[b"psql\0postgres://ana:", &secret, b"@db:5432/shop\0"]);
        hides(&[b"helm\0--set\0a=1,db.password=", &secret, b",b=2\0"]);
        hides(&[b"app\0{\"user\":\"ana\",\"password\":\"", &secret, b"\"}\0"]);
        hides(&[b"app\0Server=db;User Id=ana;Password=", &secret, b";Encrypt=true\0"]);
        hides(&[b"app\0ana:", &secret, b"@tcp(db:3306)/shop\0"]);
        hides(&[b"sh\0-c\0redis-cli -a ", &secret, b" ping && echo done\0"]);
        hides(&[b"app\0https://hooks.slack.com/services/", &secret, b"\0"]);
        hides(&[b"curl\0https://example.com/x?token=", &secret, b"&page=1\0"]);
    }
});

fn hides(parts: &[&[u8]]) {
    let line = CommandLine::from_kernel(&parts.concat());
    let shows =
        |end: &[u8]| line.arguments().iter().any(|argument| argument.raw().windows(end.len()).any(|window| window == end));
    assert!(!shows(BEGIN) && !shows(END), "{:?} shows a secret", line.arguments());
}

const BEGIN: &[u8] = b"Zq7";
const END: &[u8] = b"q7Z";
