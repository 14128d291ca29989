//! Ports as they are written: alone, behind a host, in a URL, with a variable.

use portward_model::Text;

use super::What;
use crate::protocol;

/// A URL that names a port, or means one by its scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Its scheme, in small letters; `None` for `HOST:PORT` alone.
    pub scheme: Option<String>,
    /// Its host, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// True where the port is written.
    pub written: bool,
}

impl Url {
    /// True where it leads to this machine.
    pub fn is_here(&self) -> bool {
        let host = self.host.as_str();
        host == "localhost" || host == "::1" || host == "0.0.0.0" || host.starts_with("127.") || host.ends_with(".localhost")
    }

    /// As it is told, without what may be a secret.
    pub fn shown(&self) -> Text {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let scheme = self.scheme.as_ref().map(|scheme| format!("{scheme}://")).unwrap_or_default();
        Text::from(format!("{scheme}{host}:{}", self.port).as_str())
    }
}

/// A port, where a text is nothing else. 0 is none.
pub(crate) fn port(text: &str) -> Option<u16> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port != 0)
}

/// A host and a port, as programs are told where to listen: `3000`, `:3000`, `127.0.0.1:3000`, `[::1]:3000`, `*:3000`.
pub(super) fn place(text: &str) -> Option<(Option<String>, u16)> {
    if let Some(port) = port(text) {
        return Some((None, port));
    }
    let (host, number) = text.trim().rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_host = host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '*' | '_'));
    let host = (!host.is_empty()).then(|| host.to_owned());
    port(number).filter(|_| is_host).map(|port| (host, port))
}

/// The column of a position in a line, in characters from 1.
pub(super) fn column(line: &str, at: usize) -> u32 {
    let before = line.get(..at).map_or(0, |before| before.chars().count());
    u32::try_from(before + 1).unwrap_or(1)
}

/// The URLs of a text with their positions: what stands behind `SCHEME://`. A scheme of a known protocol means its port where none
/// is written.
pub fn urls(text: &str) -> impl Iterator<Item = (usize, Url)> + '_ {
    text.match_indices("://").filter_map(|(at, mark)| {
        let before = text.get(..at)?;
        let scheme = before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-'))).next()?;
        let rest = text.get(at + mark.len()..)?;
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '`' | ',' | ';' | '|' | '<' | '>'));
        let authority = rest.get(..end.unwrap_or(rest.len()))?;
        let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
        // Of `http://{a,b}` and `${X}` nothing is known.
        let (host, port_text) = match place.strip_prefix('[') {
            Some(v6) => v6.split_once(']').map(|(host, rest)| (host, rest.strip_prefix(':')))?,
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let host = host.trim_end_matches([')', ']', '}']);
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let written = port_text.and_then(|text| port(text.get(..digits(text))?));
        let scheme = scheme.to_ascii_lowercase();
        let scheme = scheme.strip_prefix("jdbc:").unwrap_or(&scheme).to_owned();
        let base = scheme.split('+').next().unwrap_or_default();
        let usual = || protocol::of_scheme(base).map(|(_, usual)| usual.port);
        // A port that is written as something else is not the scheme's own.
        let port = if port_text.is_some() { written } else { usual() }?;
        let start = at.checked_sub(scheme.len()).unwrap_or(at);
        let url = Url { scheme: Some(scheme), host: host.to_ascii_lowercase(), port, written: written.is_some() };
        (!host.is_empty()).then_some((start, url))
    })
}

/// What a URL of this machine is for, by the name that it is set to.
pub(super) fn meaning(name: &str, url: Url) -> ((What, u16), &'static str) {
    let name = name.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let port = url.port;
    if has(&["CALLBACK", "REDIRECT"]) {
        ((What::Callback(url), port), "the address to which a login sends the browser back")
    } else if has(&["CORS", "ORIGIN", "CSRF", "ALLOWED_HOSTS"]) {
        ((What::Origin(url), port), "an origin whose pages are let in")
    } else {
        ((What::Dialled(url), port), "the port of a URL")
    }
}

/// A text with a variable in it and what it is without: `${WEB_PORT:-3000}` is (`WEB_PORT`, `3000`).
pub(super) fn variable(text: &str) -> Option<(String, String)> {
    let inside = text.trim().strip_prefix('$')?;
    let inside = match inside.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}')?,
        None => inside,
    };
    let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inside.len());
    let (name, rest) = inside.split_at(end);
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let default = match rest {
        "" => String::new(),
        _ if rest.starts_with(":-") => rest.get(2..)?.to_owned(),
        _ if rest.starts_with('-') => rest.get(1..)?.to_owned(),
        _ if rest.starts_with(":?") || rest.starts_with('?') => String::new(),
        _ => return None,
    };
    is_name.then(|| (name.to_owned(), default))
}

/// The names of variables by which servers are told the port that they ask for. `REDIS_PORT` is what a client dials, and what begins with
/// `NEXT_PUBLIC_` is for a page in a browser.
pub(crate) fn is_port_variable(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let of_others = ["_REMOTE_PORT", "PROXY_PORT", "_EXPORT", "SUPPORT", "REPORT", "TRANSPORT", "IMPORT", "PASSPORT"];
    let of_pages = ["NEXT_PUBLIC_", "NUXT_PUBLIC_", "REACT_APP_", "EXPO_PUBLIC_", "VUE_APP_", "GATSBY_", "PUBLIC_"];
    let own = name.strip_prefix("VITE_").filter(|rest| !matches!(*rest, "PORT" | "DEV_PORT" | "SERVER_PORT"));
    (name == "PORT" || name.ends_with("_PORT"))
        && own.is_none()
        && !of_pages.iter().any(|start| name.starts_with(start))
        && !name.split('_').any(|word| CLIENTS.iter().any(|client| word.starts_with(client)))
        && !of_others.iter().any(|end| name.ends_with(end))
}

/// What is dialled, as a word of a variable's name begins: servers that a project has, and does not write.
const CLIENTS: &[&str] = &[
    "DB",
    "DATABASE",
    "POSTGRES",
    "PG",
    "MYSQL",
    "MARIADB",
    "MSSQL",
    "SQLSERVER",
    "ORACLE",
    "REDIS",
    "VALKEY",
    "MEMCACHE",
    "MONGO",
    "SMTP",
    "MAIL",
    "EMAIL",
    "IMAP",
    "POP3",
    "RABBIT",
    "AMQP",
    "KAFKA",
    "ZOOKEEPER",
    "NATS",
    "MQTT",
    "PUSHER",
    "REVERB",
    "ELASTIC",
    "OPENSEARCH",
    "SOLR",
    "MEILI",
    "TYPESENSE",
    "CLICKHOUSE",
    "CASSANDRA",
    "SCYLLA",
    "NEO4J",
    "INFLUX",
    "STATSD",
    "GRAPHITE",
    "LDAP",
    "FTP",
    "SFTP",
    "SSH",
    "MINIO",
    "S3",
    "VAULT",
    "CONSUL",
    "ETCD",
    "TEMPORAL",
    "JAEGER",
    "OTEL",
    "SENTRY",
    "LOGSTASH",
    "FLUENT",
    "UPSTREAM",
    "TARGET",
    "REMOTE",
];

#[cfg(test)]
mod tests {
    use super::{is_port_variable, place, port, urls, variable};

    #[test]
    fn numbers_that_are_ports() {
        assert_eq!(
            (port("3000"), port("0"), port("70000"), port("+3"), port("3a"), port("")),
            (Some(3000), None, None, None, None, None)
        );
        assert_eq!(place("[::1]:3000"), Some((Some("::1".to_owned()), 3000)));
        assert_eq!(place(":8080"), Some((None, 8080)));
        assert_eq!(place("0.0.0.0:80"), Some((Some("0.0.0.0".to_owned()), 80)));
        assert_eq!(place("a/b:80"), None);
    }

    #[test]
    fn urls_with_their_ports() {
        let all = |text: &str| urls(text).map(|(at, url)| (at, url.host, url.port, url.written)).collect::<Vec<_>>();
        assert_eq!(all("x http://localhost:3000/a"), [(2, "localhost".to_owned(), 3000, true)]);
        assert_eq!(all("postgres://ana:pa:ss@localhost/shop"), [(0, "localhost".to_owned(), 5432, false)]);
        assert_eq!(all("postgresql+asyncpg://a@127.0.0.1:5433/x")[0].2, 5433);
        assert_eq!(all("http://[::1]:80"), [(0, "::1".to_owned(), 80, true)]);
        assert_eq!(all("http://a:1,http://b:2").len(), 2);
        for none in ["file:///x", "http://", "http://a:x", "http://${HOST}:${PORT}", "://", "http://:80"] {
            assert!(all(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn variables_with_their_defaults() {
        let of = |text: &str| variable(text).map(|(name, default)| format!("{name}={default}"));
        assert_eq!(of("${WEB_PORT:-3000}").as_deref(), Some("WEB_PORT=3000"));
        assert_eq!(of("$PORT").as_deref(), Some("PORT="));
        assert_eq!(of("${P:?say it}").as_deref(), Some("P="));
        assert_eq!((of("3000"), of("${P"), of("${}")), (None, None, None));
    }

    #[test]
    fn names_that_servers_read() {
        assert!(["PORT", "WEB_PORT", "SERVER_PORT"].iter().all(|name| is_port_variable(name)));
        assert!(
            ["GRPC_PORT", "METRICS_PORT", "ORDERS_PORT", "VITE_PORT", "DEBUG_PORT"].iter().all(|name| is_port_variable(name))
        );
        for name in [
            "DB_PORT",
            "REPORT",
            "PGPORT",
            "SMTP_PORT",
            "X",
            "PUSHER_PORT",
            "VITE_PUSHER_PORT",
            "NEXT_PUBLIC_WS_PORT",
            "APP_REDIS_PORT",
        ] {
            assert!(!is_port_variable(name), "{name}");
        }
    }
}
