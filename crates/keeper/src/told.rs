//! What a session tells: its documents and how they end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portward_model::{Gap, Hint, Lack, Need, Text, Transport, unmap};
use portward_wire::protocol;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a session tells: a listener, a call that was refused, a port that was not taken; at its end how the program ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Ran {
    /// A socket that began to listen.
    pub listener: Option<Listening>,
    /// A call that was refused, in a sentence.
    pub refused: Option<String>,
    /// With --port-only: a listener that is not where the program was told, in a sentence.
    pub elsewhere: Option<String>,
    /// What to do about it.
    pub hint: Option<Hint>,
    /// The exit code of the program; `null` while it runs, and where a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// A socket that began to listen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listening {
    /// The service, or the program's name.
    pub service: String,
    /// What was asked for, such as `0.0.0.0:3000`; `null` where it listened without a bind, and where calls are not touched.
    pub asked: Option<String>,
    /// Where a client dials.
    pub serves: String,
    /// TCP or UDP.
    pub transport: Transport,
    /// The same as a URL; `null` where neither the program nor the port that was asked for tells what is spoken there.
    pub url: Option<String>,
    /// The process.
    pub pid: u32,
    /// True when only this machine can reach it.
    pub pinned: bool,
    /// The root of the project that its process works in, where that is another one than the session's: what started it runs here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Text>,
}

impl Listening {
    /// Where a client goes, as it is shown: the URL where there is one, and otherwise host and port.
    pub fn place(&self) -> String {
        let at = self.at();
        match self.transport {
            Transport::Udp => format!("udp/{at}"),
            _ => self.url.clone().unwrap_or(at),
        }
    }

    /// The URL for whoever wants one: HTTP where nothing else is known.
    pub fn any_url(&self) -> String {
        self.url.clone().unwrap_or_else(|| format!("http://{}", self.at()))
    }

    /// Host and port, by the name that both families of the loopback have.
    fn at(&self) -> String {
        let port = self.serves.strip_prefix("127.0.0.1:").or_else(|| self.serves.strip_prefix("[::1]:"));
        port.map_or_else(|| self.serves.clone(), |port| format!("localhost:{port}"))
    }

    /// The same listener of a program that was told its port by `PORT`, which serves pages unless something else is known of it.
    #[must_use]
    pub fn by_variable(self) -> Self {
        let url = (self.transport == Transport::Tcp).then(|| self.any_url());
        Self { url, ..self }
    }

    /// The line that tells of it.
    pub fn line(&self) -> String {
        let reach = if self.pinned { "" } else { "   the network can reach it" };
        let asked = self.asked.as_ref().map(|asked| format!("asked {asked}   ")).unwrap_or_default();
        format!("{}   {asked}serves {}{reach}", Text::from_shown(&self.service), self.place())
    }
}

impl Ran {
    /// What it tells, as plain lines for a file.
    pub fn lines(&self) -> Vec<String> {
        let said = [&self.refused, &self.elsewhere].into_iter().flatten().map(|sentence| format!("portward: {sentence}"));
        let hint = self.hint.iter().map(|hint| format!("hint: {hint}"));
        let gaps = self.gaps.iter().map(|gap| format!("portward: Not seen: {} ({}).", gap.what(), gap.effect()));
        self.listener.iter().map(Listening::line).chain(said).chain(hint).chain(gaps).collect()
    }
}

/// Passes on what a session tells, to whoever takes it now.
pub(crate) struct Teller<F> {
    take: F,
    /// Lines that nobody took, since one that was taken.
    unsaid: usize,
}

impl<F: FnMut(Ran) -> bool> Teller<F> {
    /// A teller to `take`, which answers false where nobody reads any more, or not now.
    pub(crate) fn new(take: F) -> Self {
        Self { take, unsaid: 0 }
    }

    /// Tells, with what was missed before; false where that was not taken. Where nobody reads, the program goes on all the same.
    pub(crate) fn tell(&mut self, told: Ran) -> bool {
        let unsaid = self.unsaid;
        let reads = unsaid == 0 || (self.take)(Ran { gaps: vec![unread(unsaid)], ..Ran::default() });
        let taken = reads && (self.take)(told);
        self.unsaid = match (reads, taken) {
            (true, true) => 0,
            (true, false) => 1,
            _ => unsaid.saturating_add(1),
        };
        taken
    }
}

/// What is missing among the lines of a run.
fn unread(lines: usize) -> Gap {
    Gap {
        lack: Lack::Lines { lines: u32::try_from(lines).unwrap_or(u32::MAX) },
        need: Need::Command("portward ps    shows what listens".into()),
        error: None,
    }
}

/// What a browser is given, or whoever asks for a URL: HTTP where nothing else is usual. `localhost` is right for both families, and
/// needs no resolver of ours.
pub fn url(port: u16, asked: Option<u16>) -> String {
    url_at("localhost", port, asked)
}

/// The same at another host.
pub fn url_at(host: &str, port: u16, asked: Option<u16>) -> String {
    let usual = asked.and_then(protocol::of_port).and_then(|(known, usual)| known.scheme(usual.tls));
    format!("{}://{host}:{port}", usual.unwrap_or("http"))
}

/// True for the two addresses that `localhost` means.
pub fn is_localhost(address: IpAddr) -> bool {
    let address = unmap(address);
    address == Ipv4Addr::LOCALHOST || address == Ipv6Addr::LOCALHOST
}

#[cfg(test)]
mod tests {
    use super::{is_localhost, url, url_at};

    #[test]
    fn the_scheme_is_that_of_the_asked_port() {
        assert_eq!(url(20300, Some(3000)), "http://localhost:20300");
        assert_eq!(url(20300, None), "http://localhost:20300");
        assert_eq!(url(20332, Some(5432)), "postgresql://localhost:20332");
        assert_eq!(url(20343, Some(8443)), "https://localhost:20343");
        assert_eq!(url_at("127.0.0.2", 20300, Some(3000)), "http://127.0.0.2:20300");
    }

    #[test]
    fn localhost_is_two_addresses() {
        let is = |text: &str| is_localhost(text.parse().unwrap());
        assert!(is("127.0.0.1") && is("::1") && is("::ffff:127.0.0.1"));
        assert!(!is("127.0.0.2") && !is("::") && !is("10.0.0.5"));
    }
}
