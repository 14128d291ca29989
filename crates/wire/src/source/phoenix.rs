//! `config/dev.exs`: an application of Phoenix, which its own server serves.

use super::{
    Fact, Findings, Kind, Source, Start, What,
    number::{self, port},
};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "`http: [ip: {127, 0, 0, 1}, port: 4000]` of the endpoint, and `https:`, in one line or several; with `System.get_env(\"PORT\") || \"4000\"` the number behind it. `mix phx.server` can be started then.",
    ..Kind::of("phoenix", "Phoenix's config/dev.exs", &["config/dev.exs"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let (mut endpoint, mut inside, mut depth) = (None, None, 0_usize);
    let mut host: Option<String> = None;
    let mut facts: Vec<Fact> = Vec::new();
    for (number, raw) in source.lines() {
        let line = raw.split('#').next().unwrap_or_default();
        let trimmed = line.trim_start();
        if trimmed.starts_with("config ") {
            endpoint = trimmed.split(',').nth(1).filter(|module| module.trim().ends_with("Endpoint")).map(|_| number);
            inside = None;
        }
        if endpoint.is_none() {
            continue;
        }
        let opens = ["http: [", "https: ["].iter().find_map(|mark| Some((*mark, line.find(mark)? + mark.len())));
        let mut from = 0;
        if let (None, Some((mark, at))) = (inside, opens) {
            (inside, depth, host, from) = (Some(mark), 1, None, at);
        }
        let Some(mark) = inside else { continue };
        let rest = line.get(from..).unwrap_or_default();
        // What stands behind the bracket that closes is not the server's.
        let mut end = rest.len();
        for (at, letter) in rest.char_indices() {
            match letter {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                (inside, end) = (None, at);
                break;
            }
        }
        let own = rest.get(..end).unwrap_or_default();
        if let Some((_, tuple)) = own.split_once("ip: {") {
            let numbers: Vec<&str> = tuple.split('}').next().unwrap_or_default().split(',').map(str::trim).collect();
            host = match numbers.len() {
                4 => Some(numbers.join(".")),
                _ if numbers.iter().rev().skip(1).all(|number| *number == "0") => {
                    Some(if numbers.last() == Some(&"1") { "::1" } else { "::" }.to_owned())
                }
                _ => None,
            };
        }
        let Some(at) = own.find("port: ") else { continue };
        let Some(said) = own.get(at + "port: ".len()..) else { continue };
        let reads_variable = said.contains("get_env");
        let digits = said.split(|c: char| !c.is_ascii_digit()).find(|word| port(word).is_some()).unwrap_or_default();
        let (Some(number_of), Some(place)) = (port(digits), said.find(digits)) else { continue };
        let column = number::column(line, from + at + "port: ".len() + place);
        let reason = "the port of the endpoint in Phoenix's configuration";
        let mut fact = Fact::new(number_of, What::Asked { host: host.clone() }, reason, number, column);
        fact.variable = (reads_variable && mark == "http: [").then(|| "PORT".to_owned());
        facts.push(fact.of(NAME));
    }
    let Some(line) = facts.first().map(|fact| fact.line) else { return };
    found.facts.extend(facts);
    let folder = source.folder().strip_suffix("config").unwrap_or_default().trim_end_matches('/').to_owned();
    found.starts.push(Start {
        name: NAME.to_owned(),
        command: Some("mix phx.server".to_owned()),
        folder,
        line,
        ..Start::default()
    });
}

const NAME: &str = "web";
