cause! {
    "docker-duplicate-publish": "two containers are to publish the same port",
    Process, Endpoint(run),
    what: "\
Docker gives a port of the machine to one container at a time. Two services of one Compose file with the same published port,
or a container of another project that still runs, lead to \"port is already allocated\".",
    evidence: "\
The text is the container engine's own allocator's; another container publishes the port (its proxy holds the listener); or
two lines of one Compose file publish it.",
    fix: "Publish one of them at another port, or stop the other container.",
}

use portward_model::{Edit, Text, shell};

use crate::{
    bind::words::{container_of, described},
    case::held::{Held, held},
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    if !case.listens() || case.asked.port == 0 {
        return Ruling::Silent;
    }
    let lines = published_twice(case);
    let told = case.paste.filter(|_| allocator_says(case));
    let held = held(case);
    let container = held.as_ref().and_then(|held| container_of(case.snapshot, held.process));
    if lines.is_none() && !(told.is_some() && container.is_some()) {
        return Ruling::Silent;
    }
    // Without a container at the port, two lines of a file that nobody started refuse nothing.
    if told.is_none() && container.is_none() {
        return Ruling::Silent;
    }
    let mut evidence = Vec::new();
    if let Some(Held { index, socket, .. }) = &held {
        evidence.push(words::seen(case, *index, socket));
    }
    evidence.extend(told.map(words::text_line));
    let mut fixes = Vec::new();
    if let Some((first, second)) = lines {
        for mention in [first, second] {
            evidence.push(Evidence::new(format!("{}:{}", mention.file, mention.line), mention.text.shown()));
        }
        fixes.extend(move_line(case, second));
    }
    let name = container.map(|container| container.name.clone().unwrap_or_else(|| container.id.as_str().into()));
    if let Some(stop) = held.as_ref().and_then(|held| crate::bind::words::supervisor_of(case.snapshot, held.process)?.stop) {
        fixes.push(Remedy::end("Stop the container that has it", stop));
    }
    let find = shell!("docker ps --filter publish={}", case.asked.port);
    fixes.push(Remedy::look("See which container has it", find));
    fixes.push(offer::next_after("Publish at another port", case.asked.port));
    let by = match (&name, &held) {
        (Some(name), _) => format!("the container {name} publishes it already"),
        (None, Some(held)) => format!("{} holds it already", described(case.snapshot, held.process)),
        (None, None) => "two services of one Compose file publish it".to_owned(),
    };
    let summary = format!("{} is to be published twice: {by}.", words::port(case));
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

/// True when the engine's own list of ports refused it, not the kernel.
pub(super) fn allocator_says(case: &Case<'_>) -> bool {
    const MARK: &[u8] = b"port is already allocated";
    case.paste.is_some_and(|paste| paste.line.raw().to_ascii_lowercase().windows(MARK.len()).any(|part| part == MARK))
}

/// Two lines of one Compose file that publish the asked port of the machine.
fn published_twice<'a>(case: &Case<'a>) -> Option<(&'a Mention, &'a Mention)> {
    let publishing: Vec<&Mention> = case
        .exam
        .mentions
        .iter()
        .filter(|mention| mention.kind == MentionKind::Compose && mention.port == case.asked.port)
        .filter(|mention| publishes(&mention.text.lossy(), case.asked.port))
        .collect();
    publishing.iter().enumerate().find_map(|(at, first)| {
        let later = publishing.iter().skip(at + 1);
        later.into_iter().find(|second| second.file == first.file && second.line != first.line).map(|second| (*first, *second))
    })
}

/// `- "8080:80"`, `- 127.0.0.1:8080:80`, `published: 8080`: the port stands on the machine's side.
fn publishes(line: &str, port: u16) -> bool {
    let port = port.to_string();
    let plain = line.trim().trim_start_matches('-').trim().trim_matches(['"', '\'']);
    if let Some(published) = plain.strip_prefix("published:") {
        return published.trim().trim_matches(['"', '\'']) == port;
    }
    let plain = plain.split('/').next().unwrap_or(plain);
    let parts: Vec<&str> = plain.rsplit(':').collect();
    parts.len() >= 2 && parts.get(1).is_some_and(|host| *host == port)
}

fn move_line(case: &Case<'_>, mention: &Mention) -> Option<Remedy> {
    let port = case.asked.port;
    let to = port.checked_add(1).unwrap_or(8080);
    let whole = mention.whole.as_ref()?;
    let line = std::str::from_utf8(whole.raw()).ok()?;
    let edit = Edit {
        file: mention.file.clone(),
        line: mention.line,
        now: whole.clone(),
        then: vec![Text::from(line.replacen(&port.to_string(), &to.to_string(), 1).as_str())],
        after: Some(shell!("docker compose -f {} up -d", mention.file).into()),
    };
    Some(edits::fix(case, &format!("Publish the second at {to}"), edit))
}

#[cfg(any(test, feature = "scenes"))]
pub(super) mod tests {
    use portward_model::{Container, Mention, MentionKind, Snapshot};

    use super::publishes;
    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, holding, listener, machine, process, world},
    };

    pub(crate) fn proxied(known: bool) -> Snapshot {
        let line = "docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80";
        let argv: Vec<&str> = line.split(' ').collect();
        let proxy = process(900, 800, &argv, 60);
        let processes = vec![proxy, process(800, 1, &["dockerd"], 9000)];
        let mut snapshot = world(vec![listener("0.0.0.0", 8080)], processes, vec![holding(0, 900, 4)]);
        snapshot.containers = vec![Container {
            runtime: "docker".to_owned(),
            id: "0123456789abcdef".to_owned(),
            name: Some("shop-web-1".into()),
            image: None,
            service: Some("shop/web".into()),
            inner_port: None,
            addresses: vec![if known { "172.17.0.2" } else { "172.17.0.9" }.parse().unwrap()],
        }];
        snapshot
    }

    pub(crate) fn allocated(snapshot: Snapshot) -> Scene {
        let line = "Error response from daemon: Bind for 0.0.0.0:8080 failed: port is already allocated";
        Scene::listen(snapshot, "0.0.0.0:8080", true).said(Symptom::InUse, None, line)
    }

    pub(crate) fn cases() -> Cases {
        let mention = |line, text: &str| Mention {
            file: "/home/ana/shop/compose.yaml".into(),
            line,
            text: text.into(),
            whole: Some(text.into()),
            kind: MentionKind::Compose,
            port: 8080,
        };
        let twice = || vec![mention(7, "- \"8080:80\""), mention(15, "- \"8080:3000\"")];
        let inside = vec![mention(7, "- \"8080:80\""), mention(15, "- \"9090:8080\"")];
        Cases {
            fires: vec![
                allocated(proxied(true)),
                Scene::listen(proxied(true), "0.0.0.0:8080", true).but(|scene| scene.exam.mentions = twice()),
                allocated(machine()).but(|scene| scene.exam.mentions = twice()),
            ],
            silent: vec![
                Scene::listen(proxied(true), "0.0.0.0:8080", true).but(|scene| scene.exam.mentions = inside),
                allocated(machine()),
                allocated(held(listener("0.0.0.0", 8080))),
                Scene::listen(machine(), "0.0.0.0:8080", true).but(|scene| scene.exam.mentions = twice()),
            ],
        }
    }

    #[test]
    fn the_side_of_the_machine() {
        for line in ["- \"8080:80\"", "- 8080:80", "- '127.0.0.1:8080:80/tcp'", "published: \"8080\"", "- 8080:80/udp"] {
            assert!(publishes(line, 8080), "{line}");
        }
        for line in ["- \"80:8080\"", "- 8080", "target: 8080", "PORT: 8080"] {
            assert!(!publishes(line, 8080), "{line}");
        }
    }
}
