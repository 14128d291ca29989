//! Lines of configurations that set the address to listen on and name no port.
//!
//! Only settings whose name can mean nothing else: `listen_addresses` of `PostgreSQL`, `bind` of Redis, the `host` of a
//! development server's own block. A `host` elsewhere may be the machine that the program dials.

use portward_model::{Mention, MentionKind, Text};

use super::{SERVERS, whole, without_comment};

/// The lines of this file that set an address to listen on.
pub(super) fn lines(file: &Text, kind: MentionKind, bytes: &[u8]) -> Vec<Mention> {
    let mut found = Vec::new();
    let name = file.raw().rsplit(|b| *b == b'/').next().unwrap_or_default();
    let is_script = SERVERS.iter().any(|start| name.starts_with(start));
    let known = KEYS.iter().find(|(known, _)| name == *known).map(|(_, keys)| *keys);
    let Some(keys) = known.or(is_script.then_some(HOST)).filter(|_| kind == MentionKind::Server) else { return found };
    // For each open brace, whether it opened the server's own block.
    let mut open: Vec<bool> = Vec::new();
    for (raw, number) in bytes.split(|b| *b == b'\n').zip(1u32..) {
        let line = without_comment(raw).trim_ascii();
        let in_key = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        let key = line.split(|b| !in_key(b)).next().unwrap_or_default();
        if keys.contains(&key)
            && (!is_script || open.last() == Some(&true))
            && let Some(whole) = whole(raw)
        {
            let text = Text::new(raw.trim_ascii());
            found.push(Mention { file: file.clone(), line: number, text, whole: Some(whole), kind, port: 0 });
        }
        for b in line {
            match b {
                b'{' => open.push(BLOCKS.contains(&key)),
                b'}' => {
                    open.pop();
                }
                _ => {}
            }
        }
    }
    found
}

/// The settings that name the address to listen on, by the file's name.
const KEYS: &[(&[u8], &[&[u8]])] = &[
    (b"postgresql.conf", &[b"listen_addresses"]),
    (b"redis.conf", &[b"bind"]),
    (b"my.cnf", &[b"bind-address", b"bind_address"]),
    (b"application.properties", &[b"server.address"]),
];
/// The setting of a development server, inside its own block.
const HOST: &[&[u8]] = &[b"host"];
/// Names of that block.
const BLOCKS: &[&[u8]] = &[b"server", b"devServer"];

#[cfg(test)]
mod tests {
    use portward_model::{MentionKind, Text};

    use super::lines;

    fn found(name: &str, text: &str) -> Vec<u32> {
        lines(&Text::from(name), MentionKind::Server, text.as_bytes()).iter().map(|mention| mention.line).collect()
    }

    #[test]
    fn the_setting_of_each_server() {
        let postgres = "#listen_addresses = '*'\nlisten_addresses = 'localhost'\t# what\nport = 1\n";
        assert_eq!(found("/etc/pg/postgresql.conf", postgres), [2]);
        assert_eq!(found("redis.conf", "bind 127.0.0.1 -::1\nprotected-mode yes\n"), [1]);
        assert_eq!(found("my.cnf", "[mysqld]\nbind-address = 127.0.0.1\n"), [2]);
        assert_eq!(found("application.properties", "spring.host=1\nserver.address=127.0.0.1\n"), [2]);
    }

    #[test]
    fn the_host_of_a_development_server_and_no_other() {
        let file = "export default defineConfig({\n  host: 'no',\n  server: {\n    host: 'localhost',\n    hmr: {\n      host: 'no',\n\
            \x20   },\n  },\n})\n";
        assert_eq!(found("vite.config.ts", file), [4]);
        assert!(found("vite.config.ts", "export default {\n  preview: {\n    host: 'x',\n  },\n}\n").is_empty());
        assert!(found("settings.py", "host = 'x'\n").is_empty());
        // Braces that close nothing end no block.
        assert!(found("vite.config.ts", "}}}\nhost: 'x'\n").is_empty());
    }

    #[test]
    fn a_line_with_a_secret_is_left_out() {
        assert!(found("my.cnf", "bind-address = 127.0.0.1 password=hunter2\n").is_empty());
    }
}
