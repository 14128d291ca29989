//! The path of a Unix socket in one line.

/// The path of a Unix socket in a line.
pub(super) fn socket_path(line: &str) -> Option<&str> {
    line.match_indices('/').filter(|(at, _)| starts_path(line, *at)).take(64).find_map(|(at, _)| path_at(line, at))
}

fn starts_path(line: &str, at: usize) -> bool {
    let before = line.get(..at).unwrap_or_default();
    before.is_empty() || before.ends_with([' ', '"', '\'', '(', '`', '‘', '=', '[']) || unix_ends(before)
}

fn unix_ends(before: &str) -> bool {
    before.ends_with("unix:") || before.ends_with("unix://")
}

fn path_at(line: &str, at: usize) -> Option<&str> {
    let rest = line.get(at..)?;
    let end = rest.find([' ', '"', '\'', ')', ',', '`', '’', ']', '\\', '}', ';']).unwrap_or(rest.len());
    let mut path = rest.get(..end)?;
    if let Some((first, _)) = path.split_once(".sock:") {
        path = rest.get(..first.len() + 5)?;
    }
    let path = path.trim_end_matches(['.', ':']);
    let before = line.get(..at)?;
    let named = [".sock", ".s.PGSQL."].iter().any(|part| path.contains(part)) || path.ends_with("/socket");
    let told = unix_ends(before)
        || [
            "ENOENT ",
            "ECONNREFUSED ",
            "EACCES ",
            "in use ",
            "AF=1 \"",
            "sun_path=\"",
            "socket \"",
            "socket '",
            "socket ",
            "dial unix ",
        ]
        .iter()
        .any(|mark| before.ends_with(mark))
        // `/api/x` is as often the path of a URL.
        || [" to ", " on ", " at "].iter().any(|mark| before.ends_with(mark))
            && ["/tmp/", "/run/", "/var/", "/private/", "/nix/"].iter().any(|folder| path.starts_with(folder));
    (path.len() > 1 && !path.starts_with("//") && (named || told)).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::socket_path;

    #[test]
    fn paths_of_sockets() {
        for (line, path) in [
            ("connect ENOENT /tmp/x", Some("/tmp/x")),
            ("on socket \"/tmp/.s.PGSQL.5432\" failed", Some("/tmp/.s.PGSQL.5432")),
            ("at unix:///var/run/docker.sock. Is", Some("/var/run/docker.sock")),
            ("\"http://unix:/run/app.sock:/x\"", Some("/run/app.sock")),
            ("error connecting to /tmp/tmux-1000/default (No such", Some("/tmp/tmux-1000/default")),
            ("failed to connect to /api/v1/orders", None),
            ("(node:net) /usr/lib/x.js", None),
        ] {
            assert_eq!(socket_path(line), path, "{line}");
        }
    }
}
