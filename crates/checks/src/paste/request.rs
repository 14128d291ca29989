//! What a client asked of a server, as one line tells it: method, path, `Host`, `Origin`, an upgrade.

use super::Request;

/// The request of a line; `None` where it tells nothing of one.
pub(super) fn request_in(line: &str) -> Option<Request> {
    let (method, spoken) = method_and_target(line).map_or((None, None), |(method, target)| (Some(method), Some(target)));
    let url = url_of(line).filter(|url| !names_a_document(url));
    let resource = spoken.filter(|target| target.starts_with('/')).map(str::to_owned);
    let resource = resource.or_else(|| url.and_then(resource_of)).filter(|resource| resource.len() > 1);
    let origin = after(line, &["from origin '", "from origin \"", "Origin: ", "origin '", "for origin: "]);
    let origin = origin.filter(|origin| origin.contains("://") || *origin == "null").map(str::to_owned);
    let host = after(line, &["Host header: ", "HTTP_HOST header: '", ", Host: ", "> Host: ", "This host (\"", "host: \""]);
    let host = host.filter(|host| host.len() < 256).map(str::to_owned);
    let upgrade = ["WebSocket connection to", "failed to connect to websocket"].iter().any(|words| line.contains(words))
        || url.is_some_and(|url| url.starts_with("ws"));
    let protocols = protocols_in(line).filter(|_| upgrade);
    let request = Request { method: method.map(str::to_owned), resource, host, origin, upgrade, protocols };
    (request != Request::default()).then_some(request)
}

/// The subprotocols of a header that a line shows, or that its words name.
pub(super) fn protocols_in(line: &str) -> Option<String> {
    let header = line.split_once(OFFER).map(|(_, value)| value.trim()).filter(|value| !value.is_empty() && value.len() < 256);
    let word = || line.split(ENDS).map(|word| word.trim_end_matches('.')).find(|word| SUBPROTOCOLS.contains(word));
    header.or_else(word).map(str::to_owned)
}

/// `GET /x HTTP/1.1`, `"POST /api/orders"`, `GET http://localhost:8000/x 500`.
fn method_and_target(line: &str) -> Option<(&str, &str)> {
    METHODS.iter().find_map(|method| {
        let (at, _) = line.match_indices(method).take(8).find(|(at, _)| {
            let before = line.get(..*at).and_then(|before| before.chars().next_back());
            let after = line.get(at + method.len()..).unwrap_or_default();
            before.is_none_or(|c| !c.is_ascii_alphanumeric()) && (after.starts_with(" /") || after.starts_with(" http"))
        })?;
        let target = line.get(at + method.len() + 1..)?;
        let end = target.find(ENDS).unwrap_or(target.len());
        Some((*method, target.get(..end)?))
    })
}

/// The first URL of a server; what is called from, such as the page of an `Origin`, stands behind.
fn url_of(line: &str) -> Option<&str> {
    let at = SCHEMES.iter().filter_map(|scheme| line.find(scheme)).min()?;
    let url = line.get(at..)?;
    url.get(..url.find(ENDS).unwrap_or(url.len()))
}

/// `https://docs.gradle.org/4.6/userguide/gradle_daemon.html`: to be read by a person, and asked by no program.
fn names_a_document(url: &str) -> bool {
    let host = url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    host.is_some_and(|host| DOCUMENTS.contains(&host))
}

fn resource_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let at = rest.find(['/', '?'])?;
    let resource = rest.get(at..)?.split('#').next()?.trim_end_matches(['.', ':', ';']);
    let plain = resource.bytes().all(|byte| byte.is_ascii_graphic()) && resource.len() < 2048;
    plain.then(|| if resource.starts_with('?') { format!("/{resource}") } else { resource.to_owned() })
}

/// What stands between one of these words and the end of its word or quote.
fn after<'a>(line: &'a str, words: &[&str]) -> Option<&'a str> {
    let rest = words.iter().find_map(|word| line.split_once(word)).map(|(_, rest)| rest)?;
    let value = rest.get(..rest.find(ENDS).unwrap_or(rest.len()))?.trim_end_matches(['.', ':']);
    (!value.is_empty()).then_some(value)
}

/// The header of an offer, as tools show it.
const OFFER: &str = "Sec-WebSocket-Protocol: ";

/// Subprotocols that messages name, most of IANA's registry (RFC 6455 section 11.5), and that of Vite's live reload.
const SUBPROTOCOLS: &[&str] = &[
    "vite-hmr",
    "graphql-ws",
    "graphql-transport-ws",
    "actioncable-v1-json",
    "v10.stomp",
    "v11.stomp",
    "v12.stomp",
    "wamp.2.json",
    "ocpp1.6",
    "ocpp2.0.1",
    "v4.channel.k8s.io",
    "v5.channel.k8s.io",
    "guacamole",
    "sip",
    "xmpp",
];

/// RFC 9110 section 9, and PATCH (RFC 5789).
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT"];

/// Hosts that messages name for further reading.
pub(super) const DOCUMENTS: &[&str] = &[
    "nodejs.org",
    "curl.se",
    "curl.haxx.se",
    "nextjs.org",
    "docs.docker.com",
    "go.dev",
    "vite.dev",
    "vitejs.dev",
    "sqlalche.me",
    "docs.gradle.org",
    "docs.astro.build",
    "on.cypress.io",
    "pris.ly",
    "aka.ms",
    "ollama.com",
    "www.postgresql.org",
    "dev.mysql.com",
    "redis.io",
    "docs.djangoproject.com",
];

const SCHEMES: &[&str] = &["http://", "https://", "ws://", "wss://"];

const ENDS: &[char] = &[' ', '"', '\'', '<', '>', ')', ',', '`', '|', '\\', '\u{2019}', '}', ']'];

#[cfg(test)]
mod tests {
    use super::request_in;

    fn shown(line: &str) -> String {
        let Some(told) = request_in(line) else { return "none".to_owned() };
        let fields = [told.method, told.resource, told.host.map(|host| format!("host={host}")), told.origin];
        let mut words: Vec<String> = fields.into_iter().flatten().collect();
        words.extend(told.upgrade.then(|| "upgrade".to_owned()));
        words.extend(told.protocols.map(|protocols| format!("speaking={protocols}")));
        words.join(" ")
    }

    #[test]
    fn what_was_asked_is_read() {
        for (line, request) in [
            ("GET http://localhost:8000/api/orders?page=2 500 (Internal Server Error)", "GET /api/orders?page=2"),
            ("request: \"POST /login HTTP/1.1\", upstream: \"http://127.0.0.1:8000/login\"", "POST /login"),
            (
                "Access to fetch at 'http://localhost:8000/api/orders' from origin 'http://localhost:3000' has been blocked",
                "/api/orders http://localhost:3000",
            ),
            ("WebSocket connection to 'ws://localhost:3000/ws' failed", "/ws upgrade"),
            ("ws://localhost:4000/graphql refused graphql-transport-ws.", "/graphql upgrade speaking=graphql-transport-ws"),
            ("GET http://localhost:4000/graphql spoke graphql-ws", "GET /graphql"),
            ("Invalid HTTP_HOST header: 'shop.test:8000'. You may need to add 'shop.test'", "host=shop.test:8000"),
            ("Blocked request. This host (\"shop.test\") is not allowed.", "host=shop.test"),
            ("connect ECONNREFUSED 127.0.0.1:5432", "none"),
            ("http://localhost:3000/", "none"),
        ] {
            assert_eq!(shown(line), request, "{line}");
        }
    }
}
