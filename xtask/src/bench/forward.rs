//! `bench forward`: what passes through `portward forward`, beside `HAProxy` in TCP mode and socat, and without anybody between.
//!
//! Clients and the server are threads of this process; what forwards is a process of its own, each on one core of its own choosing.
//! Rounds are interleaved, and each figure stands as a ratio to `HAProxy`'s in the same run.

use std::{
    fmt::Write as _,
    io::{Read, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{apart, build_portward, measure, peers, session::room::Room, table};
use crate::{
    command,
    failure::{Failure, on_path},
    places,
};

/// The benchmark from outside: installs, builds, measures in namespaces of their own, writes the page.
pub(super) fn run(dry_run: bool) -> Result<ExitCode, Failure> {
    let versions = peers::packages(&["haproxy", "socat"])?;
    build_portward()?;
    apart("forward", &versions, dry_run, rows_table)
}

/// The benchmark in the namespaces.
pub(super) fn within(file: &Path) -> Result<ExitCode, Failure> {
    command::run(command::program("ip", ["link", "set", "lo", "up"]))?;
    let room = Room::new()?;
    let project = room.project("forward")?;
    serve()?;
    places::write(
        &project.join("haproxy.cfg"),
        &format!(
            "global\n  nbthread 1\n  maxconn 400\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
         listen one\n  bind 127.0.0.1:{HAPROXY}\n  server origin 127.0.0.1:{ORIGIN}\n"
        ),
    )?;
    let binary = places::release_binary();
    let binary = binary.to_string_lossy();
    let (origin, own) = (ORIGIN.to_string(), PORTWARD.to_string());
    command::run(room.program(&project, &[&binary, "forward", &origin, &own, "--detach"]))?;
    let haproxy = command::program("haproxy", ["-f", "haproxy.cfg"]);
    let mut haproxy = started(haproxy, &project)?;
    let words = [format!("TCP-LISTEN:{SOCAT},bind=127.0.0.1,fork,reuseaddr,nodelay"), format!("TCP:127.0.0.1:{ORIGIN},nodelay")];
    let mut socat = started(command::program("socat", words), &project)?;
    thread::sleep(Duration::from_secs(1));
    for (name, peer) in [("haproxy", &mut haproxy), ("socat", &mut socat)] {
        if let Ok(Some(status)) = peer.try_wait() {
            return Err(Failure::new(format!("{name} has ended with {status} before anything was measured.")));
        }
    }
    let mut figures = vec![vec![Vec::new(); SIDES.len()]; KINDS.len()];
    // The first round warms up and is thrown away.
    for round in 0..=ROUNDS {
        for (kind, (_, _, measure)) in KINDS.iter().enumerate() {
            for (side, (_, port)) in SIDES.iter().enumerate() {
                let figure = measure(([127, 0, 0, 1], *port).into());
                if let (true, Some(kept)) = (round > 0, figures.get_mut(kind).and_then(|kind| kind.get_mut(side))) {
                    kept.push(figure);
                }
            }
        }
    }
    command::run(room.program(&project, &[&binary, "forward", "remove", "--all"]))?;
    let _ = (haproxy.kill(), haproxy.wait(), socat.kill(), socat.wait());
    std::fs::write(file, json!(figures).to_string()).map_err(|error| on_path("written", file, &error))?;
    Ok(ExitCode::SUCCESS)
}

fn started(mut task: std::process::Command, folder: &Path) -> Result<std::process::Child, Failure> {
    task.current_dir(folder).stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    task.spawn().map_err(|error| Failure::new(format!("A peer could not be started: {error}.")))
}

/// The origin: the first byte of a connection says what its client wants; what is sent then comes back, or a stream without an end.
fn serve() -> Result<(), Failure> {
    let listener =
        TcpListener::bind(("127.0.0.1", ORIGIN)).map_err(|error| Failure::new(format!("The origin cannot listen: {error}.")))?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    Ok(())
}

fn answer(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut wish = [0];
    if stream.read_exact(&mut wish).is_err() {
        return;
    }
    if wish == *b"b" {
        let chunk = vec![7; 256 * 1024];
        while stream.write_all(&chunk).is_ok() {}
        return;
    }
    let mut message = [0; MESSAGE];
    while stream.read_exact(&mut message).is_ok() && stream.write_all(&message).is_ok() {}
}

/// A connection for this wish.
fn connected(at: SocketAddr, wish: &[u8]) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(at)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(wish)?;
    Ok(stream)
}

/// What many threads get done in a second.
fn in_a_second(threads: usize, one: impl Fn(Instant) -> u64 + Sync) -> f64 {
    let end = Instant::now() + SPAN;
    let done: u64 = thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(|| one(end))).collect();
        all.into_iter().filter_map(|thread| thread.join().ok()).sum()
    });
    #[allow(clippy::cast_precision_loss)] // Far below what a float holds.
    let done = done as f64;
    done / SPAN.as_secs_f64()
}

/// Messages there and back over connections that stay.
fn kept(at: SocketAddr) -> f64 {
    in_a_second(CONNECTIONS, |end| {
        let Ok(mut stream) = connected(at, b"k") else { return 0 };
        let (mut done, mut message) = (0, [1; MESSAGE]);
        while Instant::now() < end && stream.write_all(&message).is_ok() && stream.read_exact(&mut message).is_ok() {
            done += 1;
        }
        done
    })
}

/// Connections with one message there and back each.
fn fresh(at: SocketAddr) -> f64 {
    in_a_second(4, |end| {
        let mut done = 0;
        while Instant::now() < end {
            let mut message = [1; MESSAGE];
            let Ok(mut stream) = connected(at, b"k") else { continue };
            if stream.write_all(&message).is_ok() && stream.read_exact(&mut message).is_ok() {
                done += 1;
            }
            let _ = stream.shutdown(Shutdown::Both);
        }
        done
    })
}

/// Megabytes of one stream.
fn bulk(at: SocketAddr) -> f64 {
    let bytes = in_a_second(1, |end| {
        let Ok(mut stream) = connected(at, b"b") else { return 0 };
        let (mut done, mut chunk) = (0, vec![0; 256 * 1024]);
        while Instant::now() < end {
            match stream.read(&mut chunk) {
                Ok(0) | Err(_) => break,
                Ok(read) => done += read as u64,
            }
        }
        done
    });
    bytes / 1e6
}

fn rows_table(value: &Value) -> String {
    let middle = |kind: usize, side: usize| {
        let taken = value[kind][side].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        measure::median(taken).unwrap_or(f64::NAN)
    };
    let mut text = format!(
        "Medians of {ROUNDS} rounds after one warm-up, all in turn, each for {} s. Messages have {MESSAGE} bytes, over {CONNECTIONS} connections \
         at once. HAProxy has one thread, as Portward has.\n\n| what | direct | Portward | HAProxy | socat | to HAProxy | aim | met |\n\
         |---|--:|--:|--:|--:|--:|---|---|\n",
        SPAN.as_secs_f64()
    );
    for (kind, (name, unit, _)) in KINDS.iter().enumerate() {
        let [direct, own, haproxy, socat] = [0, 1, 2, 3].map(|side| middle(kind, side));
        let ratio = own / haproxy;
        let (aim, met) = table::verdicts(&[("at least 1".to_owned(), ratio >= 1.0)]);
        let _ = writeln!(
            text,
            "| {name}, {unit} | {direct:.0} | {own:.0} | {haproxy:.0} | {socat:.0} | {ratio:.2} | {aim} | {met} |"
        );
    }
    text
}

type Measure = fn(SocketAddr) -> f64;

/// What is measured: its name, its unit, and how.
const KINDS: [(&str, &str, Measure); 3] =
    [("kept connections", "messages/s", kept), ("new connections", "1/s", fresh), ("bulk", "MB/s", bulk)];
/// Who passes it on, and where.
const SIDES: [(&str, u16); 4] = [("direct", ORIGIN), ("portward", PORTWARD), ("haproxy", HAPROXY), ("socat", SOCAT)];
const ORIGIN: u16 = 3000;
const PORTWARD: u16 = 3001;
const HAPROXY: u16 = 3002;
const SOCAT: u16 = 3003;
const ROUNDS: usize = 5;
const CONNECTIONS: usize = 16;
const MESSAGE: usize = 128;
const SPAN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::rows_table;

    #[test]
    fn a_ratio_to_haproxy_is_judged() {
        let text = rows_table(&json!([[[9.0], [5.0], [4.0], [1.0]], [[9.0], [3.0], [4.0], [1.0]], [[9.0], [4.0], [4.0], [1.0]]]));
        assert!(text.contains("| kept connections, messages/s | 9 | 5 | 4 | 1 | 1.25 | at least 1 | yes |"), "{text}");
        assert!(text.contains("| new connections, 1/s | 9 | 3 | 4 | 1 | 0.75 | at least 1 | **no** |"), "{text}");
    }
}
