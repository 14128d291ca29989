//! `bench up`: what `portward up` adds to starting ten services by hand, beside what others take that start several programs.
//!
//! Every way is timed alike: from its start until each of the ten has answered a request. They take turns.

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use super::{build_portward, measure::median, table};
use crate::{
    command,
    failure::{Failure, on_path},
    places,
};

/// Builds the program, has the peers, starts ten services in each way in turn, and writes the page.
pub(super) fn run(dry_run: bool) -> Result<ExitCode, Failure> {
    build_portward()?;
    let folder = tempfile::tempdir().map_err(|error| Failure::new(format!("A temporary folder could not be made: {error}.")))?;
    let (had, missing) = installed()?;
    let shop = Shop::new(folder.path())?;
    let ways = shop.ways(&had)?;
    let before = table::load_average()?;
    let mut taken: Vec<Vec<f64>> = ways.iter().map(|_| Vec::new()).collect();
    // The first round makes leases and warms up.
    for round in 0..=ROUNDS {
        for (way, taken) in ways.iter().zip(&mut taken) {
            let took = shop.start(way)?;
            if round > 0 {
                taken.push(took);
            }
        }
    }
    let medians: Vec<f64> = taken.into_iter().map(|taken| median(taken).unwrap_or_default()).collect();
    let loads = format!("Load average (1 minute): {before} before, {} after.", table::load_average()?);
    let text = format!("{}{loads}\n{}", table::machine(&[])?, rows_table(&ways, &medians, &missing));
    println!("{text}");
    if !dry_run {
        table::write("up", &text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A project of ten small servers.
struct Shop {
    root: PathBuf,
    home: PathBuf,
}

/// Another program that starts several.
struct Peer {
    name: &'static str,
    /// What brings it, in a shell that stands in the peers' folder.
    brings: &'static str,
    /// What starts all, in the project; `@` is the peers' folder.
    starts: &'static str,
}

/// A way to start them.
struct Way {
    name: String,
    words: Vec<String>,
    /// What ends them; where nothing does, its process group is asked to end.
    down: Option<Vec<String>>,
    /// Where they answer.
    ports: Vec<u16>,
}

impl Shop {
    fn new(home: &Path) -> Result<Self, Failure> {
        let shop = Self { root: home.join("shop"), home: home.to_owned() };
        fs::create_dir_all(&shop.root).map_err(|error| on_path("made", &shop.root, &error))?;
        places::write(&shop.root.join("server.py"), SERVER)?;
        let (mut file, mut procfile, mut script) = (String::new(), String::new(), String::new());
        let mut compose = String::from("version: \"0.5\"\nprocesses:\n");
        for port in PORTS {
            let line = format!("python3 -S server.py {port}");
            let _ = write!(file, "[services.s{port}]\ncommand = \"exec {line}\"\nport = {port}\nprotocol = \"http\"\n");
            let _ = writeln!(procfile, "s{port}: exec {line}");
            let _ = writeln!(compose, "  s{port}:\n    command: \"exec {line}\"");
            let _ = writeln!(script, "{line} &");
        }
        places::write(&shop.root.join("portward.toml"), &file)?;
        places::write(&shop.root.join("Procfile"), &procfile)?;
        places::write(&shop.root.join("process-compose.yaml"), &compose)?;
        places::write(&shop.root.join("all.sh"), &format!("{script}wait\n"))?;
        command::run(shop.program(&[&*places::release_binary().to_string_lossy(), "allow", "--yes"]))?;
        Ok(shop)
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut task = Command::new(words.first().copied().unwrap_or_default());
        let path = std::env::var("PATH").unwrap_or_default();
        task.args(words.iter().skip(1)).current_dir(&self.root).env_clear().env("PATH", format!("/usr/bin:{path}"));
        task.env("HOME", &self.home).env("XDG_STATE_HOME", &self.home).env("XDG_RUNTIME_DIR", &self.home).stdin(Stdio::null());
        task
    }

    /// Every way that can be had here.
    fn ways(&self, had: &[&Peer]) -> Result<Vec<Way>, Failure> {
        let portward = places::release_binary().to_string_lossy().into_owned();
        let own = |words: &[&str]| std::iter::once(portward.as_str()).chain(words.iter().copied()).map(str::to_owned).collect();
        let by_hand = Way { name: HAND.to_owned(), words: list(&["sh", "all.sh"]), down: None, ports: PORTS.collect() };
        let mut leased = Vec::new();
        for port in PORTS {
            let said = command::output(self.program(&[&portward, "port", &format!("s{port}")]))?;
            leased.push(said.trim().parse().map_err(|_| Failure::new(format!("`portward port s{port}` said {said:?}.")))?);
        }
        let up = Way { name: UP.to_owned(), words: own(&["up", "--detach"]), down: Some(own(&["down"])), ports: leased };
        let mut ways = vec![by_hand, up];
        let folder = places::peers();
        for peer in had {
            let words = peer.starts.replace('@', &folder.to_string_lossy());
            let words = words.split_whitespace().map(str::to_owned).collect();
            ways.push(Way { name: peer.name.to_owned(), words, down: None, ports: PORTS.collect() });
        }
        Ok(ways)
    }

    /// Milliseconds until all of them have answered. They are down when it comes back.
    fn start(&self, way: &Way) -> Result<f64, Failure> {
        let words: Vec<&str> = way.words.iter().map(String::as_str).collect();
        let mut task = self.program(&words);
        task.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let began = Instant::now();
        let mut child = task.spawn().map_err(|error| Failure::new(format!("{} did not start: {error}.", way.name)))?;
        let answered = way.ports.iter().all(|port| until(|| answers(*port)));
        let took = began.elapsed().as_secs_f64() * 1000.0;
        self.end(way, &mut child)?;
        if answered { Ok(took) } else { Err(Failure::new(format!("By {} not all of them came up.", way.name))) }
    }

    fn end(&self, way: &Way, child: &mut Child) -> Result<(), Failure> {
        if let Some(down) = &way.down {
            let words: Vec<&str> = down.iter().map(String::as_str).collect();
            command::quietly(self.program(&words))?;
        } else {
            // The group is ours: the child leads it and has not been waited for.
            command::quietly(command::program("kill", ["-TERM", "--", &format!("-{}", child.id())]))?;
        }
        child.wait().map_err(|error| Failure::new(format!("{} could not be waited for: {error}.", way.name)))?;
        if way.ports.iter().all(|port| until(|| TcpStream::connect(("127.0.0.1", *port)).is_err())) {
            return Ok(());
        }
        Err(Failure::new(format!("By {} not all of them went down.", way.name)))
    }
}

/// True once it is, within a minute.
fn until(mut question: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        if question() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn answers(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut server = TcpStream::connect(("127.0.0.1", port))?;
        server.set_read_timeout(Some(Duration::from_secs(5)))?;
        server.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut said = String::new();
        server.read_to_string(&mut said)?;
        Ok(said.contains("200 OK"))
    };
    ask().unwrap_or(false)
}

fn list(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Brings the peers; those that are there, and in a sentence each those that could not be had.
fn installed() -> Result<(Vec<&'static Peer>, Vec<String>), Failure> {
    let folder = places::peers();
    fs::create_dir_all(&folder).map_err(|error| on_path("made", &folder, &error))?;
    let (mut had, mut missing) = (Vec::new(), Vec::new());
    for peer in PEERS {
        println!("bringing {}", peer.name);
        let mut bring = command::program("sh", ["-c", peer.brings]);
        bring.current_dir(&folder);
        match command::quietly(bring) {
            Ok(()) => had.push(peer),
            Err(_) => missing.push(peer.name.to_owned()),
        }
    }
    Ok((had, missing))
}

fn rows_table(ways: &[Way], medians: &[f64], missing: &[String]) -> String {
    let of = |name: &str| ways.iter().zip(medians).find(|(way, _)| way.name == name).map(|(_, median)| *median);
    let hand = of(HAND).unwrap_or_default();
    let mut text = format!(
        "\n### Ten services\n\nUntil each of ten small servers has answered a request. Medians of {ROUNDS} rounds after one warm-up, all ways in \
         turn.\n\n| way | all answer, ms | beyond by hand, for each service | aim | met |\n|---|--:|--:|---|---|\n"
    );
    for (way, median) in ways.iter().zip(medians) {
        let each = (median - hand) / f64::from(SERVICES);
        let aims: Vec<_> = (way.name == UP).then(|| ("below 50 ms".to_owned(), each < 50.0)).into_iter().collect();
        let (aims, met) = table::verdicts(&aims);
        let _ = writeln!(text, "| {} | {median:.0} | {each:.1} | {aims} | {met} |", way.name);
    }
    if !missing.is_empty() {
        let _ = writeln!(text, "\nCould not be had on this machine: {}.", missing.join(", "));
    }
    text
}

const SERVICES: u16 = 10;
const PORTS: std::ops::Range<u16> = 4300..4300 + SERVICES;
const ROUNDS: usize = 11;
const HAND: &str = "by hand (`sh`, `&`)";
const UP: &str = "`portward up --detach`";
const PEERS: &[Peer] = &[
    Peer {
        name: "honcho 2.0.0",
        brings: "test -e honcho/honcho/__init__.py || /usr/bin/python3 -m pip install --quiet --target honcho honcho==2.0.0",
        starts: "env PYTHONPATH=@/honcho /usr/bin/python3 -m honcho start",
    },
    Peer {
        name: "node-foreman 3.0.1",
        brings: "test -e nf/node_modules/.bin/nf || npm install --prefix nf --no-audit --no-fund --loglevel=error foreman@3.0.1",
        starts: "@/nf/node_modules/.bin/nf start",
    },
    Peer {
        name: "overmind 2.5.1",
        brings: "test -x bin/overmind || GOBIN=\"$PWD/bin\" go install github.com/DarthSim/overmind/v2@v2.5.1",
        starts: "@/bin/overmind start --no-port",
    },
    Peer {
        name: "process-compose 1.40.1",
        brings: "test -x bin/process-compose || { GOBIN=\"$PWD/bin\" go install github.com/f1bonacc1/process-compose/src@v1.40.1 && mv bin/src bin/process-compose; }",
        starts: "@/bin/process-compose up --tui=false --no-server",
    },
];
/// It answers each connection, and imports nothing that takes long.
const SERVER: &str = "import socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(('127.0.0.1', int(sys.argv[1])))
server.listen()
while True:
    client, _ = server.accept()
    client.recv(4096)
    client.sendall(b'HTTP/1.0 200 OK\\r\\n\\r\\nhello')
    client.close()
";

#[cfg(test)]
mod tests {
    use super::{HAND, PORTS, UP, Way, rows_table};

    #[test]
    fn what_is_added_is_held_against_its_aim() {
        let way = |name: &str| Way { name: name.to_owned(), words: Vec::new(), down: None, ports: PORTS.collect() };
        let text = rows_table(&[way(HAND), way(UP)], &[100.0, 500.0], &["overmind".to_owned()]);
        assert!(text.contains("| `portward up --detach` | 500 | 40.0 | below 50 ms | yes |"), "{text}");
        assert!(text.contains("Could not be had on this machine: overmind."), "{text}");
        assert!(rows_table(&[way(HAND), way(UP)], &[100.0, 700.0], &[]).contains("**no**"));
    }
}
