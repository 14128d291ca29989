//! `portward open`

use clap::Args;
use portward_model::{Endpoint, EndpointHost, Hint, Socket, SocketState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Acts, Context, Exit, Failure, Look, Never, Noun, Op, Sink, View,
    document::Gap,
    named::{Found, Known, Meant},
    target::{Target, holder_words},
};

/// Open an endpoint in the browser, at the address where it really listens
///
/// In a project a bare 3000 is the project's, wherever its session serves it. A service that runs is opened by its name, its
/// script (`dev`) or its program, and a project by its name.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// The endpoint, a URL, a service or a project
    #[arg(value_name = "ENDPOINT")]
    pub endpoint: String,
    /// The project whose ports are meant: its name, or its folder; otherwise the one that this is typed in
    #[arg(long, value_name = "PROJECT")]
    #[serde(default)]
    pub project: Option<String>,
    /// Say the URL, and open nothing
    #[arg(long)]
    #[serde(default)]
    pub print: bool,
}

/// What was opened.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Opened {
    /// The URL; `null` when nothing listens there.
    pub url: Option<String>,
    /// True when a browser was started.
    pub opened: bool,
    /// What was found, in a sentence.
    pub text: String,
    /// Where a bare number meant a project's own port: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meant: Option<Meant>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Noun for Opened {
    fn exit(&self) -> Exit {
        if self.url.is_some() { Exit::Fine } else { Exit::Found }
    }
}

impl Op for Open {
    declare! { "open", Change at Machine with Acts, emits Never, answers Opened;
    "portward open 3000" => "the dev server, on whichever family it listens",
    "portward open dev" => "the service that `npm run dev` started in this project",
    "portward open 8443 --print" => "only the URL" }
    // A browser is the person's own.
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Opened, Failure> {
        let known = Known::of(cx, self.project.as_deref())?;
        let mut endpoint = self.endpoint(&known)?;
        let meant = known.meant_here(cx, &endpoint);
        if let Some(meant) = &meant {
            endpoint = meant.endpoint();
        }
        let target = Target::of(endpoint, cx.machine)?;
        if target.path().is_some() {
            return Err(Failure::usage("A browser cannot open a Unix socket.").hint("name a port or a URL"));
        }
        let view = Look { clients: false, ..target.look() }.take(cx.machine);
        let gaps = view.snapshot.gaps.clone();
        let listens =
            |index: &&usize| view.snapshot.sockets.get(**index).is_some_and(|socket| socket.state == SocketState::Listen);
        let serving = target.serving(&view);
        let Some(index) = serving.iter().find(listens) else {
            let named = meant.as_ref().map_or_else(|| target.endpoint.to_string(), Meant::words);
            let mut sentences = vec![format!("Nothing listens on {named}.")];
            sentences.extend(known.elsewhere(&target.endpoint).iter().map(|meant| format!("{}.", meant.elsewhere())));
            let text = sentences.join(" ");
            return Ok(Opened { url: None, opened: false, text, meant, gaps });
        };
        let url = url(&self.endpoint, &target, &view, *index);
        if portward_checks::browser_blocks(target.endpoint.port) {
            let text = format!("Browsers refuse to open port {} (ERR_UNSAFE_PORT).", target.endpoint.port);
            return Ok(Opened { url: None, opened: false, text, meant, gaps });
        }
        let opened = !self.print && cx.prompt.open_url(&url);
        let text = match (self.print, opened) {
            (true, _) => url.clone(),
            (false, true) => {
                let named = meant.as_ref().map(|meant| format!(" ({})", meant.words())).unwrap_or_default();
                format!("Opened {url}{named}, served by {}.", holder_words(&view, *index))
            }
            (false, false) => format!("No browser could be started here; the URL is {url}"),
        };
        Ok(Opened { url: Some(url), opened, text, meant, gaps })
    }
}

impl Open {
    /// What was named: an endpoint; or where a service listens, or the first service of a project.
    fn endpoint(&self, known: &Known) -> Result<Endpoint, Failure> {
        let parsed = match self.endpoint.parse::<Endpoint>() {
            Ok(endpoint)
                if endpoint.port_given || endpoint.scheme.is_some() || matches!(endpoint.host, EndpointHost::Path(_)) =>
            {
                return Ok(endpoint);
            }
            parsed => parsed,
        };
        let word = self.endpoint.as_str();
        let services = known.services(word);
        let sessions = known.sessions_of(word);
        let of_project = || sessions.iter().flat_map(|session| &session.services).flat_map(|service| &service.listeners).next();
        let listening = services.iter().find_map(Found::listening).or_else(of_project);
        match (listening, parsed) {
            // Either family of a wildcard will do.
            (Some(listening), _) => Ok(listening.serves.strip_prefix("127.0.0.1:").unwrap_or(&listening.serves).parse()?),
            (None, Ok(endpoint)) => Ok(endpoint),
            (None, Err(error)) => match known.near(word).as_slice() {
                [] => Err(error.into()),
                near => Err(Failure::usage(format!("{error}, and no service or project of this name runs."))
                    .hint(Hint::listing("near: ", near))),
            },
        }
    }
}

/// The URL where the listener really is. A pasted URL is kept, path and all.
fn url(given: &str, target: &Target, view: &View, index: usize) -> String {
    if given.contains("://") && matches!(target.endpoint.scheme.as_deref(), Some("http" | "https")) {
        return given.to_owned();
    }
    let port = target.endpoint.port;
    let scheme = if matches!(port, 443 | 8443 | 9443 | 4443) { "https" } else { "http" };
    let host = match (&target.endpoint.host, view.snapshot.sockets.get(index)) {
        (EndpointHost::Name(name), _) => name.clone(),
        (EndpointHost::Ip(address, _), _) if !address.is_unspecified() => host_part(*address),
        (_, Some(socket)) => reachable(socket),
        (_, None) => "localhost".to_owned(),
    };
    format!("{scheme}://{host}:{port}/")
}

/// `localhost` where either family will do, otherwise the address that answers.
fn reachable(socket: &Socket) -> String {
    match socket.address() {
        Some(address) if !address.is_unspecified() && !address.is_loopback() => host_part(portward_model::unmap(address)),
        Some(address)
            if address == std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)
                || address == std::net::IpAddr::V6(std::net::Ipv6Addr::LOCALHOST) =>
        {
            "localhost".to_owned()
        }
        Some(address) if address.is_loopback() => host_part(address),
        _ => "localhost".to_owned(),
    }
}

fn host_part(address: std::net::IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}
