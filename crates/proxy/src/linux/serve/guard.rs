//! Who may ask: the host by which this is reached, pages of other origins, and who has the password.

use std::net::IpAddr;

use portward_wire::http::Head;

/// A user's name and password, as they come in a request. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Login(Vec<u8>);

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(..)")
    }
}

impl Login {
    /// A name and a password with a colon between them; `None` for what has no name or no password.
    pub fn new(text: &[u8]) -> Option<Self> {
        let colon = text.iter().position(|byte| *byte == b':')?;
        (colon > 0 && colon + 1 < text.len()).then(|| Self(text.to_vec()))
    }

    /// True where the request has it (`Basic`, RFC 7617). How long it takes depends on what was sent alone.
    pub(super) fn is_in(&self, head: &Head<'_>) -> bool {
        let sent = head.field("authorization").and_then(|field| {
            let (scheme, rest) = (field.get(..6)?, field.get(6..)?);
            scheme.eq_ignore_ascii_case(b"basic ").then(|| from_base64(rest.trim_ascii()))?
        });
        let sent = sent.unwrap_or_default();
        let mut differs = u8::from(sent.len() != self.0.len());
        for (index, byte) in sent.iter().enumerate() {
            // Beyond its end the password is compared with itself, which says nothing of its length.
            let own = self.0.get(index % self.0.len().max(1)).copied().unwrap_or(0);
            differs |= std::hint::black_box(byte ^ own);
        }
        differs == 0
    }
}

/// True where a host is one that only this machine has: no name that somebody else's DNS could answer for, so that no page of another
/// site gets in by a name of its own (DNS rebinding). Names in `more` may have any port, as those of a tunnel do.
pub(super) fn is_own_host(host: &str, ports: &[u16], usual: u16, more: &[String], exposed: bool) -> bool {
    let (name, given) = match host.rfind(':') {
        Some(at) if !host.ends_with(']') => {
            let digits = host.get(at + 1..).unwrap_or_default();
            match (host.get(..at), digits.parse::<u16>()) {
                (Some(name), Ok(number)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => (name, number),
                _ => return false,
            }
        }
        _ => (host, usual),
    };
    if more.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return true;
    }
    let lower = name.to_ascii_lowercase();
    if lower.strip_suffix(".localhost").is_some_and(is_labels) {
        return true;
    }
    if !ports.contains(&given) {
        return false;
    }
    match lower.as_str() {
        "localhost" | "127.0.0.1" | "[::1]" => true,
        _ if exposed => {
            let address = lower.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&lower);
            address.parse::<IpAddr>().is_ok()
        }
        _ => false,
    }
}

fn is_labels(name: &str) -> bool {
    name.split('.')
        .all(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)))
}

/// True for a request that a page of another site made, other than one that follows a link: what browsers say themselves
/// (Fetch Metadata).
pub(super) fn is_cross_site(head: &Head<'_>) -> bool {
    let says = |name: &str, value: &[u8]| head.field(name) == Some(value);
    let goes_there = says("sec-fetch-mode", b"navigate") && matches!(head.method, "GET" | "HEAD") && !is_framed(head);
    says("sec-fetch-site", b"cross-site") && !goes_there
}

fn is_framed(head: &Head<'_>) -> bool {
    head.field("sec-fetch-dest").is_some_and(|dest| dest != b"document")
}

/// True where nothing says that another page than one of this origin asks: for what changes something.
pub(super) fn is_same_origin(head: &Head<'_>, host: &str, is_secure: bool) -> bool {
    let scheme = if is_secure { "https" } else { "http" };
    let own = format!("{scheme}://{host}");
    let origin = head.all("origin").all(|origin| origin.eq_ignore_ascii_case(own.as_bytes()));
    let site = head.all("sec-fetch-site").all(|site| matches!(site, b"same-origin" | b"none"));
    origin && site
}

/// True where a person goes to a page, as a browser says; from older ones, by what they would take.
pub(super) fn is_navigation(head: &Head<'_>) -> bool {
    match head.field("sec-fetch-mode") {
        Some(mode) => mode == b"navigate",
        None => takes_html(head),
    }
}

/// True where HTML is among what the client would take.
pub(super) fn takes_html(head: &Head<'_>) -> bool {
    head.all("accept").any(|field| field.windows(9).any(|window| window.eq_ignore_ascii_case(b"text/html")))
}

/// Base64 with or without its padding (RFC 4648 section 4); `None` for anything else.
fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let (mut bytes, mut bits, mut have) = (Vec::with_capacity(text.len() * 3 / 4), 0_u32, 0);
    for byte in text {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        have += 6;
        if have >= 8 {
            have -= 8;
            bytes.push(u8::try_from(bits >> have & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use portward_wire::http::Head;

    use super::{Login, from_base64, is_cross_site, is_navigation, is_own_host, is_same_origin};

    fn with<T>(fields: &str, then: impl FnOnce(&Head<'_>) -> T) -> T {
        let text = format!("GET / HTTP/1.1\r\nHost: localhost:1\r\n{fields}\r\n");
        then(&Head::read(text.as_bytes()).unwrap().unwrap())
    }

    #[test]
    fn hosts_that_nobody_else_can_have() {
        let is = |host: &str| is_own_host(host, &[1234], 80, &["tunnel.example".to_owned()], false);
        for own in [
            "localhost:1234",
            "LOCALHOST:1234",
            "127.0.0.1:1234",
            "[::1]:1234",
            "web.shop.localhost",
            "a.localhost:62893",
            "tunnel.example",
        ] {
            assert!(is(own), "{own}");
        }
        for other in [
            "",
            "localhost",
            "localhost:80",
            "localhost:1235",
            "localhost:",
            "localhost:+1234",
            "localhost:1234:1234",
            "evil.example:1234",
            "localhost.evil.example:1234",
            "127.0.0.1.evil.example:1234",
            "::1",
            "[::1",
            "192.168.0.7:1234",
            ".localhost:1234",
            "a..localhost",
            "evil.example/.localhost",
            "localhost.:1234",
            "0.0.0.0:1234",
            "127.0.0.2:1234",
        ] {
            assert!(!is(other), "{other}");
        }
        assert!(is_own_host("localhost", &[80], 80, &[], false));
        let exposed = |host: &str| is_own_host(host, &[1234], 80, &[], true);
        assert!(
            exposed("192.168.0.7:1234")
                && exposed("[fd00::1]:1234")
                && !exposed("my-laptop:1234")
                && !exposed("evil.example:1234")
        );
    }

    #[test]
    fn pages_of_other_sites() {
        let cross = |fields: &str| with(fields, is_cross_site);
        assert!(cross("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"));
        assert!(cross("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n"));
        assert!(!cross("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"));
        assert!(!cross("Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n") && !cross(""));
        let same = |fields: &str| with(fields, |head| is_same_origin(head, "localhost:1", false));
        assert!(same("") && same("Origin: http://localhost:1\r\nSec-Fetch-Site: same-origin\r\n"));
        for other in [
            "Origin: null\r\n",
            "Origin: http://localhost:2\r\n",
            "Origin: https://localhost:1\r\n",
            "Origin: http://127.0.0.1:1\r\n",
            "Sec-Fetch-Site: same-site\r\n",
            "Sec-Fetch-Site: cross-site\r\n",
            "Origin: http://localhost:1\r\nOrigin: http://evil.example\r\n",
        ] {
            assert!(!same(other), "{other}");
        }
        assert!(with("Accept: text/html,*/*;q=0.8\r\n", is_navigation) && !with("Accept: */*\r\n", is_navigation));
        assert!(!with("Accept: text/html\r\nSec-Fetch-Mode: cors\r\n", is_navigation));
    }

    #[test]
    fn passwords() {
        let login = Login::new(b"ana:sword:fish").unwrap();
        let opens = |fields: &str| with(fields, |head| login.is_in(head));
        assert!(opens("Authorization: Basic YW5hOnN3b3JkOmZpc2g=\r\n") && opens("authorization: basic YW5hOnN3b3JkOmZpc2g\r\n"));
        for wrong in [
            "",
            "Authorization: Basic\r\n",
            "Authorization: Basic YW5h\r\n",
            "Authorization: Basic YW5hOnN3b3JkOmZpc2ghIQ==\r\n",
            "Authorization: Bearer YW5hOnN3b3JkOmZpc2g=\r\n",
            "Authorization: Basic !!!\r\n",
        ] {
            assert!(!opens(wrong), "{wrong}");
        }
        assert!(Login::new(b"ana").is_none() && Login::new(b":x").is_none() && Login::new(b"ana:").is_none());
        assert_eq!(format!("{login:?}"), "Login(..)");
        assert_eq!(from_base64(b"QQ==").unwrap(), b"A");
        assert!(from_base64(b"Q Q=").is_none());
    }
}
