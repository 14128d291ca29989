//! `portward open`

use clap::Args;
use portward_model::{Endpoint, EndpointHost, Socket, SocketState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Acts, Context, Exit, Failure, Look, Never, Noun, Op, Sink, View,
    document::Gap,
    target::{Target, holder_words},
};

/// Open an endpoint in the browser, at the address where it really listens
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// The endpoint, or a URL
    #[arg(value_name = "ENDPOINT")]
    pub endpoint: String,
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
    "portward open 8443 --print" => "only the URL" }
    // A browser is the person's own.
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Opened, Failure> {
        let endpoint: Endpoint = self.endpoint.parse()?;
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
            return Ok(Opened { url: None, opened: false, text: format!("Nothing listens on {}.", target.endpoint), gaps });
        };
        let url = url(&self.endpoint, &target, &view, *index);
        if portward_checks::browser_blocks(target.endpoint.port) {
            let text = format!("Browsers refuse to open port {} (ERR_UNSAFE_PORT).", target.endpoint.port);
            return Ok(Opened { url: None, opened: false, text, gaps });
        }
        let opened = !self.print && cx.prompt.open_url(&url);
        let text = match (self.print, opened) {
            (true, _) => url.clone(),
            (false, true) => format!("Opened {url}, served by {}.", holder_words(&view, *index)),
            (false, false) => format!("No browser could be started here; the URL is {url}"),
        };
        Ok(Opened { url: Some(url), opened, text, gaps })
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
