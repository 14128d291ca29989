//! What the doctor asks of a web server: the client's own request, as far as it may be repeated.

use std::fmt;

/// A method that changes nothing (RFC 9110 section 9.2.1). There is no other here, so that a `POST` cannot be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SafeMethod {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `OPTIONS`
    Options,
}

impl SafeMethod {
    /// The method of this name, where it is safe.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Get, Self::Head, Self::Options].into_iter().find(|method| method.to_string() == name)
    }
}

impl fmt::Display for SafeMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
        })
    }
}

/// A request that may be made: each part is one word, so that none can add a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafeRequest {
    /// The method.
    pub method: SafeMethod,
    resource: String,
    host: String,
    origin: Option<String>,
    /// True to ask to go on as a WebSocket (RFC 6455 section 4.1).
    pub upgrade: bool,
    protocols: Option<String>,
}

impl SafeRequest {
    /// A request for this path and query of this host; what is no path is the root.
    pub fn new(method: SafeMethod, resource: &str, host: &str) -> Self {
        let resource = if resource.starts_with('/') && is_word(resource) { resource } else { "/" };
        let host: String = host.chars().filter(char::is_ascii_graphic).take(LONGEST_HOST).collect();
        Self { method, resource: resource.to_owned(), host, origin: None, upgrade: false, protocols: None }
    }

    /// The same from a page of this origin.
    #[must_use]
    pub fn from_origin(self, origin: Option<&str>) -> Self {
        Self { origin: origin.filter(|origin| is_word(origin)).map(str::to_owned), ..self }
    }

    /// The same as the opening of a WebSocket.
    #[must_use]
    pub fn upgraded(self) -> Self {
        Self { method: SafeMethod::Get, upgrade: true, ..self }
    }

    /// The same, offering these subprotocols, separated by commas (RFC 6455 section 11.3.4); what is no token is left out.
    #[must_use]
    pub fn speaking(self, protocols: Option<&str>) -> Self {
        let tokens: Vec<&str> = protocols
            .into_iter()
            .flat_map(|list| list.split(','))
            .map(str::trim)
            .filter(|token| is_token(token))
            .take(MOST_TOKENS)
            .collect();
        Self { protocols: (!tokens.is_empty()).then(|| tokens.join(", ")), ..self }
    }

    /// The subprotocols that are offered, as they are sent.
    pub fn protocols(&self) -> Option<&str> {
        self.protocols.as_deref()
    }

    /// `GET /api/orders`
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.resource)
    }

    /// As it is sent over HTTP/1.1.
    pub fn bytes(&self) -> Vec<u8> {
        let mut lines =
            vec![format!("{} HTTP/1.1", self.line()), format!("Host: {}", self.host), "User-Agent: portward".to_owned()];
        if let Some(origin) = &self.origin {
            lines.push(format!("Origin: {origin}"));
            lines.extend((self.method == SafeMethod::Options).then(|| "Access-Control-Request-Method: GET".to_owned()));
        }
        if self.upgrade {
            lines.extend(UPGRADE.iter().map(|line| (*line).to_owned()));
            lines.extend(self.protocols.iter().map(|protocols| format!("Sec-WebSocket-Protocol: {protocols}")));
        } else {
            lines.extend(["Accept: */*", "Connection: close"].map(str::to_owned));
        }
        let mut text = lines.join("\r\n");
        text.push_str("\r\n\r\n");
        text.into_bytes()
    }
}

fn is_word(text: &str) -> bool {
    text.len() < LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A token of HTTP (RFC 9110 section 5.6.2).
fn is_token(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.len() < LONGEST_HOST && text.bytes().all(plain)
}

/// Lines of the opening of a WebSocket.
const UPGRADE: &[&str] =
    &["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: cG9ydHdhcmQtZG9jdG9yIQ=="];
const LONGEST: usize = 2048;
/// Subprotocols that are offered at most.
const MOST_TOKENS: usize = 8;
const LONGEST_HOST: usize = 260;

#[cfg(test)]
mod tests {
    use super::{SafeMethod, SafeRequest};

    fn sent(request: &SafeRequest) -> String {
        String::from_utf8(request.bytes()).unwrap()
    }

    #[test]
    fn the_clients_own_request_is_repeated_and_no_line_is_added() {
        let asked =
            SafeRequest::new(SafeMethod::Get, "/api/orders?page=2", "shop.test:3000").from_origin(Some("http://localhost:5173"));
        let text = sent(&asked);
        assert!(text.starts_with("GET /api/orders?page=2 HTTP/1.1\r\nHost: shop.test:3000\r\n"), "{text}");
        assert!(text.contains("\r\nOrigin: http://localhost:5173\r\n") && text.ends_with("\r\n\r\n"), "{text}");
        let bad = SafeRequest::new(SafeMethod::Head, "/a b\r\nX: 1", "h\r\nX: 2").from_origin(Some("a\r\nb"));
        assert_eq!(sent(&bad).lines().count(), 6, "{}", sent(&bad));
        assert!(sent(&bad).starts_with("HEAD / HTTP/1.1\r\nHost: hX:2\r\n"));
        let opened = SafeRequest::new(SafeMethod::Head, "/ws", "localhost:3000").upgraded().speaking(Some("graphql-ws"));
        assert!(sent(&opened).starts_with("GET /ws HTTP/1.1\r\n"));
        assert!(sent(&opened).contains("\r\nSec-WebSocket-Protocol: graphql-ws\r\n"));
        let several = opened.clone().speaking(Some("a, b c,vite-hmr\r\nX: 1, d"));
        assert_eq!(several.protocols(), Some("a, d"));
        assert_eq!(opened.speaking(Some("x y")).protocols(), None);
    }

    #[test]
    fn what_changes_something_has_no_name_here() {
        assert_eq!(["GET", "HEAD", "OPTIONS"].map(SafeMethod::named).iter().flatten().count(), 3);
        assert!(["POST", "PUT", "DELETE", "get", ""].iter().all(|name| SafeMethod::named(name).is_none()));
    }
}
