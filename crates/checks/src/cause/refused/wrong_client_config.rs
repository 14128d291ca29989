cause! {
    "wrong-client-config": "the client is configured for another endpoint than the one that serves",
    Process, Endpoint(run) if Case::connects,
    what: "The client reads an address that is out of date: another profile's variable, an old terminal's environment, a
default. The service runs; the client looks for it somewhere else.",
    evidence: "A line of the client's settings names this port for a product, and that product listens on another one; or the
client, run under observation, dialled another address than the one asked about.",
    fix: "Correct that setting, and start the client from a new shell.",
}

use portward_model::shell;

use portward_wire::protocol::{self, Protocol};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if let Some(ruling) = observed(case) {
        return ruling;
    }
    if !case.is_deserted() {
        return Ruling::Silent;
    }
    let port = case.asked.port;
    let settings = kin::mentions(case).filter(|mention| matches!(mention.kind, MentionKind::Environment | MentionKind::Server));
    let found = settings.filter_map(|mention| {
        let product = product(&mention.text.lossy().to_ascii_lowercase(), port)?;
        let (index, socket) = kin::tcp_listeners(case).find(|(index, socket)| serves(case, *index, socket, product))?;
        Some((mention, index, socket))
    });
    let Some((mention, index, socket)) = found.into_iter().next() else { return Ruling::Silent };
    let actual = socket.port().unwrap_or_default();
    let mut evidence = vec![words::mentioned(mention), words::seen(case, index, socket)];
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let mut fixes: Vec<Remedy> =
        edits::in_line(case, mention, &port.to_string(), &actual.to_string(), "Name the port that it listens on")
            .into_iter()
            .collect();
    let place = format!("{}:{}", mention.file, mention.line);
    fixes.push(Remedy::advice(
        "Correct the setting, then start the client anew",
        format!("{place}: write {actual} for {port}"),
        Effect::Change,
    ));
    let who = words::who(case, index, socket);
    let listens = words::endpoint(case.snapshot, socket);
    let summary = format!("{who} listens on {listens}, and {place} sends the client to port {port}.");
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

/// The client was run, and went elsewhere.
fn observed(case: &Case<'_>) -> Option<Ruling> {
    let seen = case.exam.observed.as_ref()?;
    let went: Vec<_> = seen
        .connects
        .iter()
        .filter_map(|connect| match connect.at {
            // Port 53 is a resolver's, 0 a look-up of the own address.
            DialTarget::Inet(at) if !matches!(at.port(), 0 | 53) => Some((at, connect)),
            DialTarget::Inet(_) | DialTarget::Unix(_) => None,
        })
        .collect();
    if case.asked.path.is_some() || went.iter().any(|(_, connect)| case.is_target(&connect.at)) || case.served().is_empty() {
        return None;
    }
    let (at, connect) = went.iter().find(|(_, connect)| connect.errno.is_some_and(|errno| errno != 0 && errno != 115))?;
    let failed = connect.errno.map(words::errno_words).unwrap_or_default();
    let mut evidence = vec![Evidence::new("connect(2) of the client", format!("pid {} dialled {at}: {failed}", connect.pid))];
    evidence.extend(case.served().first().map(|(index, socket)| words::seen(case, *index, socket)));
    let command = shell!("grep -rn {} . --include='*.env*' --include='*.y*ml' --include='*.toml' --include='*.json'", at.port());
    let fixes = vec![Remedy::look("Find the setting that sends it there", command)];
    let summary = format!("{at} is where the client really went, and not {}.", case.asked.text);
    Some(words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes))
}

/// The product that a line of settings names together with the port, by the scheme of a URL or the name of a variable.
fn product(line: &str, port: u16) -> Option<&'static Protocol> {
    let known = protocol::PROTOCOLS.iter().find(|known| known.words.iter().any(|word| line.contains(word)))?;
    line.contains(&port.to_string()).then_some(known)
}

fn serves(case: &Case<'_>, index: usize, socket: &Socket, product: &Protocol) -> bool {
    match case.holder(index) {
        Some(process) => {
            let title = process.title().to_ascii_lowercase();
            program::protocol_of(process) == Some(product) || product.words.iter().any(|word| title.contains(word))
        }
        None => socket.port().and_then(protocol::of_port).is_some_and(|(known, _)| known == product),
    }
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{MentionKind, Met, Observed, ObservedConnect, Snapshot, Text};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, holding, listener, process, world},
    };

    fn postgres(port: u16) -> Snapshot {
        world(vec![listener("127.0.0.1", port)], vec![process(600, 1, &["postgres"], 900)], vec![holding(0, 600, 5)])
    }

    fn ran(mut scene: Scene, to: &str, errno: i32) -> Scene {
        let at = portward_model::DialTarget::Inet(to.parse().unwrap());
        let connects = vec![ObservedConnect { pid: 900, at, errno: Some(errno) }];
        scene.exam.observed =
            Some(Observed { code: Some(1), connects, printed: Text::from(""), watched: true, proxies: Vec::new() });
        scene
    }

    pub(crate) fn cases() -> Cases {
        let url = "DATABASE_URL=postgres://127.0.0.1:5433/shop";
        let env = |scene: Scene| scene.mention(MentionKind::Environment, "/w/.env", 4, url, 5433);
        let on = |port| Scene::on(postgres(port), "127.0.0.1:5433").tried(Met::Failed(111));
        let served = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000").tried(Met::Connected);
        Cases {
            fires: vec![env(on(5432)), ran(served(), "127.0.0.1:3001", 111)],
            silent: vec![
                on(5432),
                env(Scene::on(held(listener("127.0.0.1", 5432)), "127.0.0.1:5433").tried(Met::Failed(111))),
                env(Scene::on(postgres(5433), "127.0.0.1:5433").tried(Met::Connected)),
                ran(served(), "127.0.0.1:3000", 0),
                ran(served(), "127.0.0.53:53", 111),
            ],
        }
    }

    #[test]
    fn the_line_is_named_with_what_to_write() {
        let scene = cases().fires.remove(0);
        let diagnosis = crate::doctor::diagnose(&scene.case());
        let edit = diagnosis.causes[0].remedies[0].edits().unwrap();
        assert_eq!((edit.line, edit.then[0].shown().as_str()), (4, "DATABASE_URL=postgres://127.0.0.1:5432/shop"));
    }
}
