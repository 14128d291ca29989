//! HTTP/1.x: any status line, and no server error (RFC 9112 section 4).

use super::{ANOTHER_PROTOCOL, Greeting, Judgement, Protocol, Words, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "HTTP",
    schemes: &[usual(80, "http"), usual(80, "ws"), usual(443, "https").with_tls(), usual(443, "wss").with_tls()],
    ports: &[
        usual(80, "HTTP"),
        usual(8080, "HTTP, alternative: proxies, Tomcat, development servers"),
        usual(8008, "HTTP, alternative"),
        usual(8082, "HTTP, third instance"),
        usual(8083, "HTTP, Kafka Connect"),
        usual(8088, "HTTP, Superset"),
        usual(9080, "HTTP, alternative"),
        usual(443, "HTTPS").with_tls(),
        usual(4443, "HTTPS development servers").with_tls(),
        usual(8443, "HTTPS, alternative").with_tls(),
        usual(8444, "HTTPS, second instance").with_tls(),
    ],
    client: "curl -i http://HOST:PORT/",
    greeting: Some(Greeting { summary: "answers GET / with a status line below 500", send, judge }),
    recognise,
    samples: &[b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 401 Unauthorized\r\n\r\n"],
    ..Protocol::named("http")
};

fn send(host: &str) -> Vec<u8> {
    // A host is a name or an address here; anything else could add lines to the request.
    let plain: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
    let bare_v6 = plain.matches(':').count() > 1 && !plain.starts_with('[');
    let host = if bare_v6 { format!("[{plain}]") } else { plain };
    format!("GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: portward\r\nAccept: */*\r\nConnection: close\r\n\r\n").into_bytes()
}

fn judge(answer: &[u8]) -> Judgement {
    if answer.starts_with(b"\x15\x03") || answer.starts_with(b"\x16\x03") {
        return Judgement::NotReady("it speaks TLS, not plain HTTP");
    }
    if super::mongodb::is_over_http(answer) {
        return Judgement::NotReady(ANOTHER_PROTOCOL);
    }
    let Some(rest) = answer.strip_prefix(b"HTTP/1.") else {
        let short = b"HTTP/1.".starts_with(answer);
        return if short { Judgement::NeedMore } else { Judgement::NotReady(ANOTHER_PROTOCOL) };
    };
    let Some([minor, space, status @ ..]) = rest.first_chunk::<5>() else { return Judgement::NeedMore };
    if !minor.is_ascii_digit() || *space != b' ' {
        return Judgement::NotReady(ANOTHER_PROTOCOL);
    }
    match *status {
        [b'5', b'0', b'2'] => Judgement::NotReady("it answers 502: what is behind it does not answer"),
        [b'5', b'0', b'3'] => Judgement::NotReady("it answers 503: it is not available yet"),
        [b'5', b'0', b'4'] => Judgement::NotReady("it answers 504: what is behind it is too slow"),
        [b'5', ..] => Judgement::NotReady("it answers with a server error (5xx)"),
        [b'1'..=b'4', b'0'..=b'9', b'0'..=b'9'] => Judgement::Ready,
        _ => Judgement::NotReady(ANOTHER_PROTOCOL),
    }
}

fn recognise(answer: &[u8]) -> Option<Words> {
    let status = answer.strip_prefix(b"HTTP/").filter(|_| !super::mongodb::is_over_http(answer))?;
    let status = status.strip_prefix(b"1.").and_then(|rest| rest.get(2..5));
    Some(if matches!(status, Some(b"401" | b"407")) { Words::NoEntry } else { Words::Any })
}

#[cfg(test)]
mod tests {
    use super::{judge, send};
    use crate::protocol::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn status_lines() {
        for (answer, expected) in [
            (b"HTTP/1.1 200 OK\r\n" as &[u8], Ready),
            (b"HTTP/1.0 404 Not Found\r\n", Ready),
            (b"HTTP/1.1 401", Ready),
            (b"HTTP/1.1 50", NeedMore),
            (b"HT", NeedMore),
            (b"HTTP/1.1 503 Service Unavailable", NotReady("it answers 503: it is not available yet")),
            (b"HTTP/1.1 500 Oops", NotReady("it answers with a server error (5xx)")),
            (b"HTTP/1.1 999 x", NotReady("it answers in another protocol")),
            (b"HTTP/2 200", NotReady("it answers in another protocol")),
            (b"\x15\x03\x01\x00\x02\x02\x46", NotReady("it speaks TLS, not plain HTTP")),
        ] {
            assert_eq!(judge(answer), expected, "{}", answer.escape_ascii());
        }
    }

    #[test]
    fn the_host_is_one_line_and_ipv6_has_brackets() {
        let sent = |host| String::from_utf8(send(host)).unwrap();
        assert!(sent("localhost:3000").starts_with("GET / HTTP/1.1\r\nHost: localhost:3000\r\n"));
        assert!(sent("::1").contains("Host: [::1]\r\n"));
        assert!(sent("a\r\nX: y").contains("Host: aX:y\r\n"));
    }
}
