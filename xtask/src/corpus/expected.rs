//! What happened, in the words of the fixtures: `symptom=refused host=127.0.0.1 port=47001 call=connect`.

/// What stands at the port of a program that is made to fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// Whatever the program's own command arranges.
    Own,
    /// Nothing.
    Refused,
    /// Nothing, and the program takes no address of IPv6.
    RefusedOnce,
    /// Another listener.
    Held,
    /// Another UDP socket.
    HeldByUdp,
    /// A port that takes a right which the program lacks.
    Denied,
    /// A listener that takes no more connections.
    Timeout,
    /// A server without a word.
    Silent,
    /// A server that closes.
    Closes,
    /// An HTTP server.
    Http,
}

impl Fault {
    /// By its name in `programs.toml`.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "own" => Self::Own,
            "refused" => Self::Refused,
            "refused4" => Self::RefusedOnce,
            "held" => Self::Held,
            "udp" => Self::HeldByUdp,
            "denied" => Self::Denied,
            "timeout" => Self::Timeout,
            "silent" => Self::Silent,
            "closes" => Self::Closes,
            "http" => Self::Http,
            _ => return None,
        })
    }

    /// The role of the counterpart; `None` where nobody is at the port.
    pub(super) fn role(self) -> Option<&'static str> {
        match self {
            Self::Own | Self::Refused | Self::RefusedOnce | Self::Denied => None,
            Self::Held => Some("held"),
            Self::HeldByUdp => Some("udp"),
            Self::Timeout => Some("full"),
            Self::Silent => Some("silent"),
            Self::Closes => Some("closes"),
            Self::Http => Some("http"),
        }
    }

    /// The addresses at which it is tried.
    pub(super) fn hosts(self) -> &'static [&'static str] {
        match self {
            Self::Refused => &["127.0.0.1", "::1"],
            Self::Own
            | Self::RefusedOnce
            | Self::Held
            | Self::HeldByUdp
            | Self::Denied
            | Self::Timeout
            | Self::Silent
            | Self::Closes
            | Self::Http => &["127.0.0.1"],
        }
    }

    /// What should be read of a text about it.
    fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Own => &[],
            Self::Refused | Self::RefusedOnce => {
                &[("symptom", "refused"), ("host", "{host}"), ("port", "{port}"), ("call", "connect")]
            }
            Self::Held => &[("symptom", "in_use"), ("port", "{port}")],
            Self::HeldByUdp => &[("symptom", "in_use"), ("port", "{port}"), ("transport", "udp")],
            Self::Denied => &[("symptom", "permission_denied"), ("port", "{port}")],
            Self::Timeout => &[("symptom", "no_handshake"), ("host", "{host}"), ("port", "{port}"), ("call", "connect")],
            Self::Silent => &[("symptom", "no_answer"), ("host", "{host}"), ("port", "{port}")],
            Self::Closes => &[("symptom", "empty_reply"), ("host", "{host}"), ("port", "{port}")],
            Self::Http => &[("symptom", "wrong_protocol"), ("host", "{host}"), ("port", "{port}")],
        }
    }
}

/// The line of a fixture: what the fault means, the program, and what the situation adds or, with an empty value, takes away.
pub(super) fn line(fault: Fault, program: Option<&str>, more: &str, host: &str, port: u16) -> String {
    let mut fields: Vec<(String, String)> =
        fault.fields().iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    fields.extend(program.map(|name| ("program".to_owned(), name.to_owned())));
    for (name, value) in more.split_whitespace().filter_map(|word| word.split_once('=')) {
        fields.retain(|(known, _)| known != name);
        if !value.is_empty() {
            fields.push((name.to_owned(), value.to_owned()));
        }
    }
    let order = |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
    fields.sort_by_key(|(name, _)| order(name));
    let words: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    words.join(" ").replace("{host}", host).replace("{port}", &port.to_string())
}

/// The order of fields in a fixture.
const ORDER: &[&str] = &["symptom", "program", "host", "port", "path", "transport", "call", "errno", "says"];

#[cfg(test)]
mod tests {
    use super::{Fault, line};

    #[test]
    fn a_situation_adds_to_what_its_fault_means_and_takes_away_from_it() {
        let told = |more| line(Fault::Refused, Some("curl"), more, "::1", 47001);
        assert_eq!(told(""), "symptom=refused program=curl host=::1 port=47001 call=connect");
        assert_eq!(told("host= program=python"), "symptom=refused program=python port=47001 call=connect");
        assert_eq!(line(Fault::Own, None, "says=host-not-admitted", "x", 1), "says=host-not-admitted");
    }

    #[test]
    fn every_fault_is_known_by_its_name() {
        for name in ["own", "refused", "refused4", "held", "udp", "denied", "timeout", "silent", "closes", "http"] {
            assert!(Fault::named(name).is_some(), "{name}");
        }
        assert_eq!(Fault::named("odd"), None);
    }
}
