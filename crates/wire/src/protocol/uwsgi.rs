//! uwsgi, the binary protocol of the server of that name (`uwsgi --socket`): a packet of variables, answered in plain HTTP.
//!
//! Its answer is HTTP's, so that only who asked in uwsgi knows that it was understood; there is no greeting to be judged alone.

use super::{Protocol, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "uwsgi",
    words: &["uwsgi"],
    schemes: &[usual(3031, "uwsgi")],
    ports: &[usual(3031, "uWSGI")],
    client: "uwsgi_curl HOST:PORT /",
    ..Protocol::named("uwsgi")
};

/// A `HEAD` of the root as a packet: modifier 0, the length, modifier 0, then each name and value behind its length (uWSGI
/// documentation, "The uwsgi Protocol").
pub fn uwsgi_request(host: &str) -> Vec<u8> {
    let host: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
    let variables = [
        ("REQUEST_METHOD", "HEAD"),
        ("REQUEST_URI", "/"),
        ("PATH_INFO", "/"),
        ("QUERY_STRING", ""),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", host.as_str()),
        ("SERVER_PORT", "80"),
        ("HTTP_HOST", host.as_str()),
    ];
    let length = |text: &str| u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes();
    let body: Vec<u8> = variables
        .iter()
        .flat_map(|(name, value)| [&length(name)[..], name.as_bytes(), &length(value), value.as_bytes()].concat())
        .collect();
    let all = u16::try_from(body.len()).unwrap_or(u16::MAX).to_le_bytes();
    [&[0][..], &all, &[0], &body].concat()
}

#[cfg(test)]
mod tests {
    use super::uwsgi_request;

    #[test]
    fn the_packet_counts_itself() {
        let sent = uwsgi_request("localhost");
        assert_eq!(usize::from(u16::from_le_bytes([sent[1], sent[2]])), sent.len() - 4);
        assert!(sent.starts_with(&[0]) && sent[4..].starts_with(b"\x0e\0REQUEST_METHOD\x04\0HEAD"));
    }
}
