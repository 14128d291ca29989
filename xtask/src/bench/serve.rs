//! `bench serve`: what `portward serve` gives beside other servers of files, on the same machine in the same minute.
//!
//! `wrk` asks for a small file over 16 connections that stay open, and for a large one over 4. All servers run all the time and are asked in
//! turn; each has both cores, as `wrk` has, and none writes a log.

use std::{
    fmt::Write,
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, ExitCode, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use super::{build_portward, measure::median, peers, table};
use crate::{
    command,
    failure::{Failure, on_path},
    places,
};

/// A server that runs.
struct Server {
    name: &'static str,
    port: u16,
    child: Child,
    /// Requests in a second for the small file, in each round.
    small: Vec<f64>,
    /// Megabytes in a second of the large one.
    large: Vec<f64>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let _ = command::succeeds(command::program("kill", ["-TERM", &pid]));
        let _ = self.child.wait();
    }
}

/// Installs the peers, starts all of them, asks them in turn, and writes the page.
pub(super) fn run(dry_run: bool) -> Result<ExitCode, Failure> {
    let versions = peers::packages(&["nginx", "caddy", "wrk", "python3"])?;
    build_portward()?;
    let folder = tempfile::tempdir().map_err(|error| Failure::new(format!("A temporary folder could not be made: {error}.")))?;
    let room = folder.path();
    let site = room.join("site");
    fs::create_dir(&site).map_err(|error| on_path("made", &site, &error))?;
    places::write(&site.join("small.html"), &"a line of a page, as long as others are\n".repeat(36)[..1400])?;
    let large = fs::File::create(site.join("large.bin")).and_then(|file| file.set_len(LARGE));
    large.map_err(|error| on_path("written", &site, &error))?;
    let before = table::load_average()?;
    let mut servers = started(room, &site)?;
    for round in 0..=ROUNDS {
        for server in &mut servers {
            let small = asked(server.port, "small.html", 16)?;
            let large = asked(server.port, "large.bin", 4)?;
            // The first round warms up and is thrown away.
            if round > 0 {
                server.small.push(number(&small, "Requests/sec:")?);
                server.large.push(number(&large, "Transfer/sec:")?);
            }
        }
    }
    let text = format!(
        "{}Load average (1 minute): {before} before, {} after. Medians of {ROUNDS} rounds of {SECONDS} s each, all servers in turn.\n\n{}",
        table::machine(&versions)?,
        table::load_average()?,
        rows(&servers)
    );
    println!("{text}");
    if !dry_run {
        table::write("serve", &text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Every server that this machine has, once it answers.
fn started(room: &Path, site: &Path) -> Result<Vec<Server>, Failure> {
    let shown = site.display().to_string();
    let mut servers = Vec::new();
    for name in SERVERS {
        let port = free_port()?;
        let number = port.to_string();
        let mut task = match name {
            NGINX => {
                let conf = room.join("nginx.conf");
                places::write(&conf, &nginx(room, site, port))?;
                command::program("nginx", ["-c", &conf.display().to_string(), "-g", "daemon off;"])
            }
            CADDY => command::program("caddy", ["file-server", "--root", &shown, "--listen", &format!("127.0.0.1:{port}")]),
            PORTWARD => command::program(
                places::root().join("target/release/portward"),
                ["serve", &shown, "--port", &number, "--log", "none"],
            ),
            MINISERVE => {
                let program = peers::program("miniserve");
                command::program(program, ["--interfaces", "127.0.0.1", "--port", &number, &shown])
            }
            _ => command::program("python3", ["-m", "http.server", "--bind", "127.0.0.1", "--directory", &shown, &number]),
        };
        for folder in ["HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            task.env(folder, room);
        }
        let begun = task.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        match begun {
            Ok(child) => servers.push(Server { name, port, child, small: Vec::new(), large: Vec::new() }),
            // What is not installed is left out of the table.
            Err(_) if name == MINISERVE => continue,
            Err(error) => return Err(Failure::new(format!("{name} could not be started: {error}."))),
        }
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > end {
                return Err(Failure::new(format!("{name} does not answer at {port}.")));
            }
            sleep(Duration::from_millis(50));
        }
    }
    Ok(servers)
}

fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| Failure::new(format!("No port was free: {error}.")))
}

/// As Debian has it, without a log and with nothing kept from one request to the next.
fn nginx(room: &Path, site: &Path, port: u16) -> String {
    let (room, site) = (room.display(), site.display());
    let folders =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {room}/{name};")).join(" ");
    format!(
        "user root; worker_processes auto; pid {room}/nginx.pid; error_log {room}/nginx.log;\nevents {{ worker_connections 768; }}\n\
         http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; include /etc/nginx/mime.types; {folders}\n\
         server {{ listen 127.0.0.1:{port}; root {site}; }} }}\n"
    )
}

/// What `wrk` says after it has asked for a file.
fn asked(port: u16, file: &str, connections: u16) -> Result<String, Failure> {
    let url = format!("http://127.0.0.1:{port}/{file}");
    let words = ["-t1".to_owned(), format!("-c{connections}"), format!("-d{SECONDS}s"), url];
    let told = command::output(command::program("wrk", words))?;
    if told.contains("Non-2xx") {
        return Err(Failure::new(format!("Port {port} refused {file}: {}", told.trim())));
    }
    Ok(told)
}

/// The number behind a word of `wrk`, in its base unit; of bytes, in megabytes.
fn number(told: &str, word: &str) -> Result<f64, Failure> {
    let read = || {
        let text = told.lines().find_map(|line| line.trim().strip_prefix(word))?.trim();
        let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (digits, unit) = text.split_at_checked(at)?;
        let factor = match unit {
            "GB" => 1024.0,
            "KB" => 1.0 / 1024.0,
            "B" => 1.0 / 1024.0 / 1024.0,
            _ => 1.0,
        };
        Some(digits.parse::<f64>().ok()? * factor)
    };
    read().ok_or_else(|| Failure::new(format!("wrk said no {word} `{}`.", told.trim())))
}

/// The most memory that a server and its children had, in MiB.
fn peak(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let below: f64 = children.split_whitespace().filter_map(|child| child.parse().ok()).map(peak).sum();
    line.unwrap_or(0.0) / 1024.0 + below
}

fn rows(servers: &[Server]) -> String {
    let of = |name: &str| servers.iter().find(|server| server.name == name);
    let small = |name| of(name).and_then(|server| median(server.small.clone())).unwrap_or(f64::NAN);
    let large = |name| of(name).and_then(|server| median(server.large.clone())).unwrap_or(f64::NAN);
    let mut text =
        "| server | 1.4 kB, 16 connections: requests/s | to nginx | 100 MB, 4 connections: MB/s | to nginx | peak MiB |\n\
                    |---|--:|--:|--:|--:|--:|\n"
            .to_owned();
    for server in servers {
        let (own, much) = (small(server.name), large(server.name));
        let (to_nginx, much_to) = (own / small(NGINX), much / large(NGINX));
        let peak = peak(server.child.id());
        let _ = writeln!(text, "| {} | {own:.0} | {to_nginx:.2} | {much:.0} | {much_to:.2} | {peak:.1} |", server.name);
    }
    let memory = of(PORTWARD).map_or(f64::NAN, |server| peak(server.child.id()));
    let (to_nginx, to_caddy) = (small(PORTWARD) / small(NGINX), small(PORTWARD) / small(CADDY));
    let much = large(PORTWARD) / large(NGINX);
    let (aims, met) = table::verdicts(&[
        (format!("small file at least 0.9 of nginx ({to_nginx:.2})"), to_nginx >= 0.9),
        (format!("and 3 times Caddy ({to_caddy:.2})"), to_caddy >= 3.0),
        (format!("large file at least nginx ({much:.2})"), much >= 1.0),
        (format!("peak memory under 25 MB ({memory:.1} MiB)"), memory < 23.8),
    ]);
    format!("{text}\nAims: {aims}. Met: {met}.\n")
}

const NGINX: &str = "nginx";
const CADDY: &str = "caddy file-server";
const PORTWARD: &str = "portward serve";
const MINISERVE: &str = "miniserve";
const SERVERS: [&str; 5] = [NGINX, PORTWARD, CADDY, MINISERVE, "python -m http.server"];
const ROUNDS: usize = 5;
const SECONDS: u32 = 3;
/// Bytes of the large file.
const LARGE: u64 = 100_000_000;
