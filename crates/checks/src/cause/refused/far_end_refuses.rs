cause! {
    "far-end-refuses": "what stands at the far end of the forward does not answer",
    Said, Event(run),
    what: "A port of this machine is carried elsewhere: into a pod by `kubectl port-forward`, through a server by `ssh -L`. The way
stands; at its other end nobody listens on the port that it leads to, or not at the address that it leads to (inside a pod that is
the pod's own loopback). Nothing of this machine's ports has a part in it, and nothing that is seen here rules a fault there out.",
    evidence: "The forwarder's own words, which tell of the other side; where it runs, the forwarder and what it was told.",
    fix: "Look there: the command that does it is named. Correct the port behind the colon, or start the service there.",
}

use portward_model::{Grammar, ShellLine};

use crate::{Paste, Vantage, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    let Some((paste, place)) = case.paste.and_then(|paste| Some((paste, paste.vantage.as_ref()?))) else { return Ruling::Silent };
    let failed = matches!(
        paste.symptom,
        Symptom::Refused
            | Symptom::UpstreamFailed
            | Symptom::NoHandshake
            | Symptom::NoAnswer
            | Symptom::Unreachable
            | Symptom::HttpStatus
    );
    if !failed || matches!(place, Vantage::Container) {
        return Ruling::Silent;
    }
    let mut evidence = vec![words::text_line(paste)];
    let forwarder = case.served().first().and_then(|(index, socket)| Some((*index, *socket, case.holder(*index)?)));
    if let Some((index, socket, _)) = forwarder {
        evidence.push(words::seen(case, index, socket));
    }
    let argv = forwarder.and_then(|(_, _, process)| process.argv.known()).map(CommandLine::arguments).unwrap_or_default();
    let (whose, fixes) = match place {
        Vantage::Pod { name, .. } => ("in the pod", in_pod(name.as_deref(), argv, paste)),
        Vantage::FarEnd | Vantage::Container => ("at the far end of the tunnel", beyond_ssh(argv, paste)),
    };
    let port = paste.port.map(|port| format!(" on port {port}")).unwrap_or_default();
    let summary = format!("The forward stands, and nobody answers{port} {whose}: that is where to look, not on this machine.");
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

fn in_pod(name: Option<&str>, argv: &[Text], paste: &Paste) -> Vec<Remedy> {
    let target =
        argv.iter().map(Text::lossy).find(|word| word.contains('/') && !word.starts_with(['/', '-']) && !word.contains(':'));
    let pod = name.map(str::to_owned).or_else(|| target.map(|word| word.trim_start_matches("pod/").to_owned()));
    let pod = Text::new(pod.unwrap_or_else(|| "POD".to_owned()));
    let listening = ShellLine::from("kubectl exec").operand(&pod).then("-- cat /proc/net/tcp /proc/net/tcp6");
    let mut fixes = vec![
        Remedy::look("See what listens in the pod (state 0A)", listening),
        Remedy::look("See whether it runs, and is ready", "kubectl get pods"),
    ];
    if let Some(port) = paste.port {
        fixes.push(Remedy::advice(
            "Then forward to a port that it listens on",
            format!("kubectl port-forward POD LOCAL:{port}, with its own port behind the colon"),
            Effect::Read,
        ));
    }
    fixes
}

fn beyond_ssh(argv: &[Text], paste: &Paste) -> Vec<Remedy> {
    let server = destination(argv).unwrap_or_else(|| Text::from("SERVER"));
    let mut look = ShellLine::from("ssh").operand(server).then("ss -tln");
    if let Some(port) = paste.port {
        look = look.word(format!("'sport = :{port}'"));
    }
    vec![
        Remedy::look("See what listens there", look),
        Remedy::advice(
            "The host behind the port of -L is looked up at the far end",
            "localhost in -L PORT:localhost:PORT is the server itself",
            Effect::Read,
        ),
    ]
}

/// The server in the arguments of ssh.
fn destination(argv: &[Text]) -> Option<Text> {
    let words: Vec<&[u8]> = argv.iter().map(Text::raw).collect();
    Grammar::of(words.first()?)?.verb(&words).map(Text::new)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Met;

    use crate::{
        Symptom, Vantage,
        case::scene::Scene,
        cause::Cases,
        fixture::{holding, listener, process, world},
    };

    pub(crate) fn cases() -> Cases {
        let at = |scene: Scene, place: Vantage, line: &str| {
            scene.said(Symptom::UpstreamFailed, None, line).but(|scene| {
                let paste = scene.paste.as_mut().unwrap();
                (paste.vantage, paste.port) = (Some(place), Some(80));
            })
        };
        let pod = || Vantage::Pod { name: None, near: Some(17200) };
        let refused = "error forwarding port 80 to pod x: connection refused";
        let argv = &["kubectl", "port-forward", "deploy/web", "17200:80"];
        let standing = world(vec![listener("127.0.0.1", 17200)], vec![process(300, 1, argv, 60)], vec![holding(0, 300, 3)]);
        Cases {
            fires: vec![
                at(Scene::nowhere(), pod(), refused),
                at(Scene::nowhere(), Vantage::FarEnd, "channel 2: open failed: connect failed: Connection refused"),
                at(Scene::on(standing, "127.0.0.1:17200").tried(Met::Connected), pod(), refused),
            ],
            silent: vec![
                at(Scene::nowhere(), Vantage::Container, "web-1 | connection refused"),
                Scene::connect("127.0.0.1:3000").tried(Met::Failed(111)),
            ],
        }
    }
}
