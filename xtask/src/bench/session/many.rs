//! What sessions occupy, and two hundred of them at once, every one with a server on the same asked port.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::Read as _,
    net::{Ipv4Addr, TcpStream},
    time::Instant,
};

use serde_json::{Value, json};

use super::{
    actor::{ASKED, HELD},
    room::{Memory, Room, Server, Side, Stream, children},
};
use crate::{
    bench::{measure::median, table},
    failure::Failure,
};

/// A session with [`HELD`] listeners beside another one: what its two processes occupy, in KiB. With one alone, the pages of
/// Portward's file that a supervisor reads and a front does not would count as its own.
pub(super) fn held(room: &Room) -> Result<Value, Failure> {
    let program = crate::load::myself()?;
    let words = [&*program.to_string_lossy(), "actor", "hold"];
    let mut both = Vec::new();
    for name in ["held", "beside"] {
        let mut server = Server::start(room.on(Side::Inside, &room.project(name)?, &words), Stream::Errors)?;
        for _ in 0..HELD {
            server.line("serves")?;
        }
        both.push(server);
    }
    let measured = both.first().map(processes).transpose()?;
    for server in &mut both {
        let _ = server.end();
    }
    let (front, supervisor) = measured.unwrap_or_default();
    Ok(json!({"front": front, "supervisor": supervisor}))
}

/// All sessions at once, and the same servers without Portward: milliseconds until the last one has answered, whether all
/// did and at ports of their own, and what a session's two processes occupy, in KiB.
pub(super) fn at_once(room: &Room) -> Result<Value, Failure> {
    let program = crate::load::myself()?;
    let program = program.to_string_lossy();
    let mut sides = serde_json::Map::new();
    for side in [Side::Outside, Side::Inside] {
        let begun = Instant::now();
        let mut servers = Vec::with_capacity(SESSIONS);
        for number in 0..SESSIONS {
            let project = room.project(&format!("many-{number}"))?;
            // Without Portward, each needs a port that no other has.
            let asked = if side == Side::Inside { ASKED } else { ALONE + u16::try_from(number).unwrap_or(0) };
            let (port, name) = (asked.to_string(), number.to_string());
            let words = [&*program, "actor", "answer", "--number", &name, "--port", &port];
            let stream = if side == Side::Inside { Stream::Errors } else { Stream::Output };
            servers.push((asked, Server::start(room.on(side, &project, &words), stream)?));
        }
        let (mut right, mut ports) = (0, BTreeSet::new());
        for (number, (asked, server)) in servers.iter_mut().enumerate() {
            let told = match side {
                Side::Inside => server.line("serves").and_then(|line| served(&line)),
                Side::Outside => server.line("ready").map(|_| *asked),
            };
            // One that could not be started is not in the count, and says why.
            match told.and_then(|port| Ok((port, answered(port)?))) {
                Ok((port, said)) => {
                    ports.insert(port);
                    right += usize::from(said.trim() == number.to_string());
                }
                Err(failure) => println!("{}", failure.sentence),
            }
        }
        let took = begun.elapsed();
        let mut memory = Vec::new();
        if side == Side::Inside {
            memory.extend(servers.iter().filter_map(|(_, server)| processes(server).ok()));
        }
        let begun = Instant::now();
        let ended_well =
            servers.iter_mut().filter_map(|(_, server)| server.end()).filter(std::process::ExitStatus::success).count();
        sides.insert(
            format!("{side:?}"),
            json!({
                "ms": took.as_secs_f64() * 1000.0,
                "right": right,
                "ports": ports.len(),
                "ended_well": ended_well,
                "end_ms": begun.elapsed().as_secs_f64() * 1000.0,
                "memory": memory,
            }),
        );
    }
    Ok(Value::Object(sides))
}

/// The memory of a session's front and supervisor: resident, by parts, private.
fn processes(front: &Server) -> Result<([f64; 3], [f64; 3]), Failure> {
    let child = children(front.pid())?;
    let [supervisor] = child.as_slice() else {
        return Err(Failure::new(format!(
            "The front {} has {} children, and not just its supervisor.",
            front.pid(),
            child.len()
        )));
    };
    let three = |memory: Memory| [memory.resident, memory.shared_out, memory.private];
    Ok((three(Memory::of(front.pid())?), three(Memory::of(*supervisor)?)))
}

/// The port in the line that tells of a listener.
fn served(line: &str) -> Result<u16, Failure> {
    let (_, port) = line.trim().rsplit_once(':').unwrap_or_default();
    port.parse().map_err(|_| Failure::new(format!("No port is in `{}`.", line.trim())))
}

/// What a server says to one that connects.
fn answered(port: u16) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("Port {port} does not answer: {error}."));
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
    let mut told = String::new();
    connection.read_to_string(&mut told).map_err(failed)?;
    Ok(told)
}

/// The memory of the one session against its aim.
pub(super) fn held_table(held: &Value) -> String {
    let mut text = format!(
        "\n### What a session occupies\n\nA session after {HELD} listeners, beside a second one, in MiB. The two processes are copies of one: most of what is resident \
         is the program's file and what\nboth share, which is in memory once.\n\n\
         | process | resident | its part of what is shared | private | aim | met |\n|---|--:|--:|--:|---|---|\n"
    );
    for (name, title, limit) in [("supervisor", "supervisor", Some(MOST_MB)), ("front", "front", None)] {
        let Ok([resident, part, private]) = serde_json::from_value::<[f64; 3]>(held[name].clone()) else { continue };
        // The aim counts in millions of bytes.
        let under = |what: &str, kib: f64, limit: f64| {
            let mb = kib * 1024.0 / 1e6;
            (format!("{what} below {limit} MB ({mb:.1})"), mb < limit)
        };
        let both = |limit| [under("resident", resident, limit), under("private", private, limit)];
        let (aims, met) = table::verdicts(&limit.map(both).into_iter().flatten().collect::<Vec<_>>());
        let _ = writeln!(text, "| {title} | {:.1} | {:.1} | {:.1} | {aims} | {met} |", mib(resident), mib(part), mib(private));
    }
    text
}

/// The two hundred against theirs.
pub(super) fn at_once_table(sides: &Value) -> String {
    let mut text = format!(
        "\n### {SESSIONS} sessions at once\n\nEach in a project of its own, each with a server that asks for port {ASKED}; and the same servers \
         without Portward, at ports that differ.\nMemory is that of front and supervisor together, the median of the sessions.\n\n\
         | what | until the last one answered, ms | all ended after, ms | private KiB a session | with its part of what is shared, KiB | aim \
         | met |\n|---|--:|--:|--:|--:|---|---|\n"
    );
    for (name, title) in [("Outside", "servers alone"), ("Inside", "servers in sessions")] {
        let side = &sides[name];
        let (Some(ms), Some(end)) = (side["ms"].as_f64(), side["end_ms"].as_f64()) else { continue };
        let memory: Vec<([f64; 3], [f64; 3])> = serde_json::from_value(side["memory"].clone()).unwrap_or_default();
        let column = |at: usize| {
            let both = memory.iter().map(|(front, supervisor)| front[at] + supervisor[at]).collect();
            median(both).map_or_else(String::new, |kib| format!("{kib:.0}"))
        };
        let count = |name: &str| side[name].as_u64().unwrap_or(0);
        let aims = [
            (format!("all answer ({})", count("right")), count("right") == SESSIONS as u64),
            (format!("at as many ports ({})", count("ports")), count("ports") == SESSIONS as u64),
            (format!("all end well ({})", count("ended_well")), count("ended_well") == SESSIONS as u64),
        ];
        let (aims, met) = table::verdicts(&aims);
        let _ = writeln!(text, "| {title} | {ms:.0} | {end:.0} | {} | {} | {aims} | {met} |", column(2), column(1));
    }
    text
}

fn mib(kib: f64) -> f64 {
    kib / 1024.0
}

const SESSIONS: usize = 200;
/// The first port of the servers without Portward.
const ALONE: u16 = 10_000;
const MOST_MB: f64 = 6.0;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{at_once_table, held_table, served};

    #[test]
    fn the_line_of_a_listener_names_its_port() {
        assert_eq!(served("xtask   asked 0.0.0.0:3000   serves http://localhost:20300\n").ok(), Some(20300));
        assert!(served("xtask was refused its bind").is_err());
    }

    #[test]
    fn memory_is_held_against_its_aim() {
        let text = held_table(&json!({"front": [6000.0, 2000.0, 500.0], "supervisor": [6144.0, 2048.0, 1024.0]}));
        assert!(
            text.contains("| supervisor | 6.0 | 2.0 | 1.0 | resident below 6 MB (6.3); private below 6 MB (1.0) | **no**; yes |"),
            "{text}"
        );
        assert!(text.contains("| front | 5.9 | 2.0 | 0.5 |  |  |"), "{text}");
    }

    #[test]
    fn every_server_must_answer() {
        let side = json!({"ms": 900.0, "end_ms": 100.0, "right": 199, "ports": 200, "ended_well": 200,
            "memory": [[[1.0, 10.0, 100.0], [1.0, 20.0, 300.0]]]});
        let text = at_once_table(&json!({"Inside": side}));
        let row = "| servers in sessions | 900 | 100 | 400 | 30 | all answer (199); at as many ports (200); all end well (200) | **no**; yes; yes |";
        assert!(text.contains(row), "{text}");
    }
}
