//! `src/main.rs`: a server where its text says that it listens.

use super::{
    Fact, Findings, Kind, Source, What,
    development::without_comment,
    go::started,
    number::{place, port},
};

pub(super) const KIND: Kind = Kind {
    reads: "Where it says that it binds: `bind(\"0.0.0.0:3000\")`, `bind((\"127.0.0.1\", 8080))`, `SocketAddr::from(([127, 0, 0, 1], 3000))`. It can be started then: `cargo run`.",
    ..Kind::of("rust", "src/main.rs", &["src/main.rs"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    for (number, raw) in source.lines().filter(|(_, line)| line.len() <= LONGEST) {
        let line = without_comment(raw);
        let Some((host, port)) = binds(line) else { continue };
        let digits = port.to_string();
        let column = line.rfind(&digits).and_then(|at| line.get(..at)).map_or(0, |before| before.chars().count()) + 1;
        let reason = "where a program's own text says that it binds";
        found.facts.push(Fact::new(port, What::Asked { host }, reason, number, u32::try_from(column).unwrap_or(1)));
    }
    let folder = source.folder().strip_suffix("src").unwrap_or_default().trim_end_matches('/').to_owned();
    started(&folder, "cargo run", found);
}

/// The address and the port of a line that binds.
fn binds(line: &str) -> Option<(Option<String>, u16)> {
    // Port 0 is any.
    if let Some(inside) = ["bind(\"", "bind(&\"", "bind_addr(\""].iter().find_map(|mark| Some(line.split_once(mark)?.1)) {
        return place(inside.split('"').next()?);
    }
    if let Some(inside) = line.split_once("bind((\"").map(|(_, inside)| inside) {
        let (host, rest) = inside.split_once('"')?;
        return Some((Some(host.to_owned()), port(rest.trim_start_matches([',', ' ']).split(')').next()?)?));
    }
    let (_, inside) = line.split_once("SocketAddr::from(([")?;
    let (bytes, rest) = inside.split_once(']')?;
    let host = bytes.split(',').map(str::trim).collect::<Vec<_>>().join(".");
    Some((Some(host), port(rest.trim_start_matches([',', ' ']).split(')').next()?)?))
}

const LONGEST: usize = 2_000;
