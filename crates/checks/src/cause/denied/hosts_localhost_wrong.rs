cause! {
    "hosts-localhost-wrong": "localhost is not 127.0.0.1 and ::1",
    Rule, Endpoint(run),
    what: "\
A line of the hosts file (or another source of names) gives `localhost` an address that is not 127.0.0.1 or ::1. Clients that
dial the name go to another machine, or to an address of this one where nothing listens.",
    evidence: "What getaddrinfo(3) answers for the name, and the line of /etc/hosts that says so.",
    fix: "Let the line say `127.0.0.1 localhost`, and one more `::1 localhost`.",
}

use std::net::{Ipv4Addr, Ipv6Addr};

use portward_model::{Edit, HostsLine, ShellLine, Text, is_localhost, shell};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(name) = case.asked.name.as_deref().filter(|name| means_loopback(name)) else { return Ruling::Silent };
    let fine = |address: IpAddr| address == Ipv4Addr::LOCALHOST || address == Ipv6Addr::LOCALHOST;
    let wrong = case.asked.addresses.iter().map(|address| unmap(*address)).find(|address| !fine(*address));
    let Some(address) = wrong else {
        let Some(first) = case.asked.addresses.first() else { return Ruling::Silent };
        return Ruling::out(format!("{name} is {first}"));
    };
    // Where a client gets through, and nobody complains, the odd address does no harm.
    let works = matches!(case.standing(), Standing::Connected(_)) || !(case.connects() && case.fails_to_connect());
    if works && case.symptom().is_none() && case.bind.is_none_or(|answer| answer.possible() == Some(true)) {
        return Ruling::Silent;
    }
    let mut evidence = vec![Evidence::new("getaddrinfo(3)", format!("{name} is {address}"))];
    let line = case.exam.hosts.iter().flatten().find(|line| unmap(line.address) == address && names(line, name));
    if let Some(line) = line {
        evidence.push(Evidence::new(format!("/etc/hosts:{}", line.line), written(line)));
    }
    let at = case.exam.attempts.iter().find(|attempt| case.is_target(&attempt.at));
    evidence.extend(at.map(words::tried));
    let right: IpAddr = if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    let first = match line {
        Some(line) => {
            let command = if line.names.len() == 1 {
                shell!("sudo sed -i '{}s/^[^[:space:]]*/{}/' /etc/hosts", line.line, right)
            } else {
                shell!("sudo portward doctor localhost:{} --fix", case.asked.port)
            };
            let edit = Edit {
                file: "/etc/hosts".into(),
                line: line.line,
                now: line.whole.clone(),
                then: corrected(line, name, right),
                after: None,
            };
            Remedy::edit(format!("Let {name} be {right}"), edit, command)
        }
        None => Remedy::change("Put it before every other source of names", append(right, name)),
    };
    let second = offer::explain("Or dial the address itself", words::address(right, case.asked.port));
    let by = line.map(|line| format!(" by line {} of /etc/hosts", line.line)).unwrap_or_default();
    let summary = format!("{name} is {address}{by}, not {right}.");
    let likelihood = if address.is_loopback() && line.is_none() { Likelihood::Likely } else { Likelihood::Certain };
    words::found(CAUSE.code, likelihood, summary, evidence, vec![first, second])
}

/// `localhost` and every name below it mean the loopback (RFC 6761 section 6.3).
pub(super) fn means_loopback(name: &str) -> bool {
    is_localhost(&name.trim_end_matches('.').to_ascii_lowercase())
}

/// True when the line gives this name its address.
pub(super) fn names(line: &HostsLine, name: &str) -> bool {
    let name = name.trim_end_matches('.');
    line.names.iter().any(|known| known.raw().eq_ignore_ascii_case(name.as_bytes()))
}

/// The line with the right address; where it has other names, these keep theirs and the name gets a line of its own.
fn corrected(line: &HostsLine, name: &str, right: IpAddr) -> Vec<Text> {
    let same = |known: &Text| known.raw().eq_ignore_ascii_case(name.trim_end_matches('.').as_bytes());
    let others: Vec<&Text> = line.names.iter().filter(|known| !same(known)).collect();
    let mut own = right.to_string().into_bytes();
    if others.is_empty() {
        // What follows the address stands as it was, with its comment.
        let address = line.whole.raw().trim_ascii_start().iter().position(u8::is_ascii_whitespace).unwrap_or(0);
        own.extend_from_slice(line.whole.raw().trim_ascii_start().get(address..).unwrap_or_default());
        return vec![Text::new(own)];
    }
    let mut rest = line.address.to_string().into_bytes();
    for other in others {
        rest.push(b' ');
        rest.extend_from_slice(other.raw());
    }
    if let Some(at) = line.whole.raw().iter().position(|byte| *byte == b'#') {
        rest.push(b' ');
        rest.extend_from_slice(line.whole.raw().get(at..).unwrap_or_default());
    }
    own.push(b' ');
    own.extend_from_slice(name.trim_end_matches('.').as_bytes());
    vec![Text::new(own), Text::new(rest)]
}

/// The line as it is written, without its comment.
fn written(line: &HostsLine) -> String {
    let names: Vec<String> = line.names.iter().map(Text::shown).collect();
    format!("{} {}", line.address, names.join(" "))
}

/// The command that adds a line to the hosts file.
pub(super) fn append(address: IpAddr, name: &str) -> ShellLine {
    // A name comes from a command line; what a shell would read otherwise is not repeated.
    let safe = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    let name = if safe { name } else { "NAME" };
    shell!("echo '{} {}' | sudo tee -a /etc/hosts", address, name)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{HostsLine, Met, Text};

    use super::{corrected, run};
    use crate::{case::scene::Scene, cause::Cases, check::Ruling};

    fn says(scene: &mut Scene, lines: &[(u32, &str, &str)]) {
        let line = |(line, address, name): &(u32, &str, &str)| HostsLine {
            line: *line,
            address: address.parse().unwrap(),
            names: vec![(*name).into()],
            whole: format!("{address} {name}").as_str().into(),
        };
        scene.exam.hosts = Some(lines.iter().map(line).collect());
    }

    pub(crate) fn cases() -> Cases {
        let localhost = |address| Scene::connect("127.0.0.1:3000").named("localhost", &[address]);
        Cases {
            fires: vec![
                localhost("192.168.1.9").tried(Met::Silence).but(|scene| says(scene, &[(3, "192.168.1.9", "localhost")])),
                localhost("127.0.0.2").tried(Met::Failed(111)).but(|scene| says(scene, &[(1, "127.0.0.2", "localhost")])),
                localhost("192.168.1.9").tried(Met::Failed(113)),
            ],
            silent: vec![
                localhost("127.0.0.1").tried(Met::Failed(111)),
                localhost("::1").tried(Met::Failed(111)),
                localhost("127.0.0.2").tried(Met::Connected),
                Scene::connect("127.0.0.1:3000").named("shop.test", &["192.168.1.9"]).tried(Met::Failed(111)),
            ],
        }
    }

    #[test]
    fn the_line_is_named_and_rewritten() {
        let Ruling::Found(cause) = run(&cases().fires[0].case()) else { panic!("silent") };
        let edit = cause.remedies[0].edits().unwrap();
        assert_eq!(
            (edit.line, edit.now.shown().as_str(), &edit.then[..]),
            (3, "192.168.1.9 localhost", &["127.0.0.1 localhost".into()][..])
        );
        let whole = "192.168.1.9\tbox localhost # since May";
        let line = HostsLine {
            line: 3,
            address: "192.168.1.9".parse().unwrap(),
            names: vec!["box".into(), "localhost".into()],
            whole: whole.into(),
        };
        let right = "127.0.0.1".parse().unwrap();
        let both: [Text; 2] = ["127.0.0.1 localhost".into(), "192.168.1.9 box # since May".into()];
        assert_eq!(corrected(&line, "localhost", right), both);
        let alone = HostsLine { names: vec!["localhost".into()], whole: "  192.168.1.9\tlocalhost # since May".into(), ..line };
        assert_eq!(corrected(&alone, "localhost", right), ["127.0.0.1\tlocalhost # since May".into()]);
        assert_eq!(cause.summary.to_string(), "localhost is 192.168.1.9 by line 3 of /etc/hosts, not 127.0.0.1.");
    }
}
