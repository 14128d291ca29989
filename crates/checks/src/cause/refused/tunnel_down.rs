cause! {
    "tunnel-down": "the tunnel that carried the port has ended",
    Process, Event(run),
    what: "`ssh -L`, `kubectl port-forward` and the like listen here in the place of a service that is elsewhere. When the
connection behind them breaks, or the laptop sleeps, they end, and the port with them.",
    evidence: "The tunnel's own words; or a file of the project that opens the port by a tunnel, or a tunnel that was told to and
runs, and no listener on the port.",
    fix: "Start the tunnel again, with keepalives, so that it notices a dead connection.",
}

use portward_model::shell;

use crate::{case::kin::names_port, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    if !case.connects() && !case.says(CAUSE.code) {
        return Ruling::Silent;
    }
    let spoken = case.paste.filter(|_| case.says(CAUSE.code));
    let stands = case.listeners().next();
    let mut evidence = Vec::new();
    let mut fixes = Vec::new();
    let mut who = "The tunnel".to_owned();
    if let Some(paste) = spoken {
        evidence.push(words::text_line(paste));
    } else if case.unserved().is_none() || stands.is_some() {
        return Ruling::Silent;
    }
    let process = case.processes().find(|process| is_tunnel_of(process, case.asked.port));
    let mention = kin::mentions(case).find(|mention| is_tunnel(&mention.text.lossy()));
    if spoken.is_none() && process.is_none() && mention.is_none() {
        return Ruling::Silent;
    }
    if let Some(process) = process.filter(|_| stands.is_none()) {
        let pid = process.id.pid;
        who = format!("{}, the tunnel,", words::named(process));
        let fact = format!("{who} was told to listen on port {}", case.asked.port);
        evidence.push(Evidence::new(format!("/proc/{pid}/cmdline"), fact));
        let command = shell!("kill {}", pid).behind(words::sudo(case, process.uid));
        fixes.push(Remedy::end("End what is left of the tunnel, then start it again", command));
    }
    if let Some(mention) = mention {
        evidence.push(words::mentioned(mention));
        // A line of a file is for a person to read: it may hold anything, and whoever wrote it need not be who reads this.
        let place = format!("as line {} of {} says: {}", mention.line, mention.file, mention.text.shown().trim());
        fixes.push(Remedy::advice("Start the tunnel again", place, Effect::Change));
    }
    if stands.is_none() && case.asked.port != 0 {
        evidence.push(Evidence::new("sock_diag", format!("nothing listens on port {}", case.asked.port)));
    }
    let again = "ssh -N -o ServerAliveInterval=15 -o ExitOnForwardFailure=yes -L PORT:HOST:PORT SERVER";
    fixes.push(Remedy::change("Start it with keepalives", again));
    let place = if case.asked.port == 0 { String::new() } else { format!(" for port {}", case.asked.port) };
    let summary = format!("{who} does not stand any more{place}.");
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

fn is_tunnel(line: &str) -> bool {
    let ssh = (line.contains("ssh ") || line.contains("autossh")) && (line.contains(" -L") || line.contains(" -D"));
    ssh || line.contains("port-forward") || line.contains("cloudflared access") || line.contains("LocalForward")
}

/// True for a process that was told to listen on the port for a tunnel: `ssh -L 5432:db:5432`, `kubectl port-forward x 5432:80`.
fn is_tunnel_of(process: &Process, port: u16) -> bool {
    let argv = process.argv.known().map(CommandLine::arguments).unwrap_or_default();
    let mut before: &[u8] = b"";
    let forward = argv.iter().any(|argument| argument.raw() == b"port-forward");
    argv.iter().skip(1).any(|argument| {
        let raw = argument.raw();
        let option = raw.strip_prefix(b"-L").filter(|rest| !rest.is_empty());
        let value = option.or((before == b"-L" || before == b"-D" || forward).then_some(raw));
        before = raw;
        value.is_some_and(|value| {
            let parts: Vec<&[u8]> = value.split(|byte| *byte == b':').collect();
            // [bind:]port:host:hostport, or port:port.
            let own = if parts.len() == 4 { parts.get(1) } else { parts.first() };
            own.is_some_and(|own| own.iter().all(u8::is_ascii_digit) && names_port(own, port))
        })
    })
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{MentionKind, Met};

    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener, process, world},
    };

    pub(crate) fn cases() -> Cases {
        let refused = || Scene::connect("127.0.0.1:5432").tried(Met::Failed(111));
        let with = |argv: &[&str]| {
            Scene::on(world(Vec::new(), vec![process(300, 1, argv, 900)], Vec::new()), "127.0.0.1:5432").tried(Met::Failed(111))
        };
        let line = "tunnel: ; ssh -N -L 5432:db:5432 bastion";
        let named = |scene: Scene| scene.mention(MentionKind::Script, "/s/Makefile", 9, line, 5432);
        Cases {
            fires: vec![
                refused().said(Symptom::Reset, Some("tunnel-down"), "error: lost connection to pod"),
                named(refused()),
                with(&["ssh", "-N", "-L", "5432:db:5432", "bastion"]),
                with(&["kubectl", "port-forward", "svc/db", "5432:5432"]),
            ],
            silent: vec![
                refused(),
                with(&["ssh", "-N", "-L", "15432:db:5432", "bastion"]),
                named(Scene::on(held(listener("127.0.0.1", 5432)), "127.0.0.1:5432").tried(Met::Connected)),
                refused().mention(MentionKind::Environment, "/s/.env", 1, "DATABASE_URL=postgres://127.0.0.1:5432/x", 5432),
            ],
        }
    }
}
