//! Where a development server's own settings send requests on: `'/api': 'http://localhost:8000'` of Vite, `target:` of webpack, Angular
//! and `http-proxy-middleware`, `"proxy"` of Create React App, `destination:` of Next.js.

use portward_model::{Mention, MentionKind, Text};

use super::{has_secret, without_comment, words_of};

/// The lines of this file that name a server of this machine as the one behind: each with its port, and the path that leads there
/// where one stands before it.
pub(super) fn lines(file: &Text, bytes: &[u8]) -> Vec<Mention> {
    let name = file.raw().rsplit(|b| *b == b'/').next().unwrap_or_default();
    let is_package = name == b"package.json";
    if !is_package && !FILES.iter().any(|start| name.starts_with(start)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut path: Option<&[u8]> = None;
    let mut in_proxy = !is_package && name.windows(5).any(|part| part.eq_ignore_ascii_case(b"proxy"));
    for (raw, number) in bytes.split(|b| *b == b'\n').zip(1u32..) {
        let line = without_url_comment(raw).trim_ascii();
        let words = words_of(line);
        let says = |list: &[&[u8]]| words.iter().any(|word| list.contains(&word.as_slice()));
        in_proxy |= says(&[b"proxy", b"rewrites", b"proxies"]);
        path = quoted(line).into_iter().find(|text| text.starts_with(b"/") || text.starts_with(b"^/")).or(path);
        let Some(port) = quoted(line).into_iter().find_map(port_of_url) else { continue };
        let leads = (in_proxy && (path.is_some() || says(TARGETS))) || (is_package && says(&[b"proxy"]));
        if !leads || has_secret(line) {
            continue;
        }
        let shown = match path.filter(|path| !line.windows(path.len()).any(|part| part == *path)) {
            Some(path) => [path, b": ", line].concat(),
            None => line.to_vec(),
        };
        found.push(Mention {
            file: file.clone(),
            line: number,
            text: Text::new(shown),
            whole: None,
            kind: MentionKind::Upstream,
            port,
        });
    }
    found
}

/// A comment, but not the sign of a URL.
fn without_url_comment(raw: &[u8]) -> &[u8] {
    let line = without_comment(raw);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// What stands in quotation marks.
fn quoted(line: &[u8]) -> Vec<&[u8]> {
    let mut parts = line.split(|b| matches!(b, b'"' | b'\'' | b'`'));
    let mut found = Vec::new();
    parts.next();
    while let Some(inside) = parts.next() {
        found.push(inside);
        if parts.next().is_none() {
            break;
        }
    }
    found
}

/// The port of a URL of this machine: `http://localhost:8000`, `ws://127.0.0.1:3001/socket`.
fn port_of_url(text: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(text).ok()?;
    let (scheme, rest) = text.split_once("://")?;
    let usual = match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '$']).next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, usual),
    };
    matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "0.0.0.0").then_some(port)
}

/// Beginnings of the names of files that say so.
const FILES: &[&[u8]] = &[
    b"vite.config.",
    b"webpack.config.",
    b"webpack.dev.",
    b"vue.config.",
    b"next.config.",
    b"nuxt.config.",
    b"astro.config.",
    b"svelte.config.",
    b"rsbuild.config.",
    b"setupProxy.",
    b"proxy.conf",
    b"proxy.config",
];
/// Words before the URL of a server behind.
const TARGETS: &[&[u8]] = &[b"target", b"destination", b"proxy", b"router", b"url"];

#[cfg(test)]
mod tests {
    use portward_model::Text;

    use super::lines;

    fn found(name: &str, text: &str) -> Vec<(u32, u16, String)> {
        let of = lines(&Text::from(name), text.as_bytes());
        of.into_iter().map(|mention| (mention.line, mention.port, mention.text.shown())).collect()
    }

    #[test]
    fn each_settings_way_of_naming_the_server_behind() {
        let vite = "export default {\n  server: {\n    port: 5173,\n    proxy: {\n      '/api': 'http://localhost:8000',\n      '/ws': {\n\
            \x20       target: 'ws://127.0.0.1:3001',\n      },\n    },\n  },\n}\n";
        assert_eq!(
            found("/w/vite.config.ts", vite),
            [
                (5, 8000, "'/api': 'http://localhost:8000',".to_owned()),
                (7, 3001, "/ws: target: 'ws://127.0.0.1:3001',".to_owned())
            ]
        );
        let webpack = "module.exports = { devServer: { proxy: [ { context: ['/api'], target: 'http://localhost:3001' } ] } }\n";
        assert_eq!(found("webpack.config.js", webpack)[0].1, 3001);
        assert_eq!(found("package.json", "{\n  \"name\": \"x\",\n  \"proxy\": \"http://localhost:5000\"\n}\n")[0].1, 5000);
        assert_eq!(
            found("proxy.conf.json", "{ \"/api\": { \"target\": \"http://localhost:8080\", \"secure\": false } }")[0].1,
            8080
        );
        let next = "rewrites: async () => [{ source: '/api/:path*', destination: 'http://127.0.0.1:9000/:path*' }]\n";
        assert_eq!(found("next.config.mjs", next)[0].1, 9000);
        assert_eq!(found("setupProxy.js", "createProxyMiddleware('/api', { target: 'http://localhost' })\n")[0].1, 80);
    }

    #[test]
    fn what_leads_nowhere_here_is_none() {
        assert!(found("vite.config.ts", "server: { proxy: { '/api': 'https://api.example.com' } }\n").is_empty());
        assert!(found("vite.config.ts", "server: { origin: 'http://localhost:8000' }\n").is_empty());
        assert!(found("vite.config.ts", "// proxy: { '/api': 'http://localhost:8000' }\n").is_empty());
        assert!(found("package.json", "\"scripts\": { \"open\": \"open 'http://localhost:8000'\" }\n").is_empty());
        assert!(found("settings.py", "proxy = { '/api': 'http://localhost:8000' }\n").is_empty());
    }
}
