//! Ports in the lines of configuration files: which files are read for them, and when a number stands for a port.
//!
//! No file is understood by its grammar. A number is a port where it stands whole and where what stands before it
//! says so: a word such as `port` or `listen`, an option such as `-p`, or a colon behind a host.

mod address;
mod once;
mod serving;
mod upstream;

use portward_model::{Mention, MentionKind, Text, masked_line};

pub use once::once_line;
pub use serving::{serving_line, serving_variable};

/// The kind of a well-known file, by its name alone; `None` for a file that is not read.
pub fn kind_of_file(name: &[u8]) -> Option<MentionKind> {
    let begins = |start: &[u8]| name.starts_with(start);
    let ends = |end: &[u8]| name.ends_with(end);
    let yaml = ends(b".yml") || ends(b".yaml");
    let kind = match name {
        b".env" => MentionKind::Environment,
        b"package.json" | b"Makefile" | b"justfile" | b"launch.json" => MentionKind::Script,
        b"postmaster.pid" => MentionKind::PidFile,
        b"angular.json" | b"settings.py" | b"puma.rb" | b"config.toml" | b"nginx.conf" | b"postgresql.conf" | b"redis.conf"
        | b"my.cnf" | b"portward.toml" => MentionKind::Server,
        _ if begins(b".env.") => MentionKind::Environment,
        _ if begins(b"Procfile") => MentionKind::Script,
        _ if yaml && (begins(b"docker-compose") || begins(b"compose")) => MentionKind::Compose,
        _ if begins(b".s.PGSQL.") && ends(b".lock") => MentionKind::PidFile,
        _ if begins(b"application") && (yaml || ends(b".properties")) => MentionKind::Server,
        _ if SERVERS.iter().any(|start| begins(start)) => MentionKind::Server,
        // Whether it is enabled stands elsewhere.
        _ if ends(b".service") || ends(b".socket") => MentionKind::UnitDisabled,
        _ => return None,
    };
    Some(kind)
}

/// The lines of a file that name one of these ports, and those that set the address to listen on; lines that are
/// comments do neither.
pub fn mentions(file: &Text, kind: MentionKind, bytes: &[u8], ports: &[u16], found: &mut Vec<Mention>) {
    if kind == MentionKind::PidFile {
        found.extend(pid_file(file, bytes, ports));
        return;
    }
    let mut section = Vec::new();
    found.extend(address::lines(file, kind, bytes));
    found.extend(upstream::lines(file, bytes));
    for (raw, number) in bytes.split(|b| *b == b'\n').zip(1u32..) {
        let line = without_comment(raw);
        if !is_setting(line, kind) {
            continue;
        }
        for port in ports {
            let Some(at) = port_at(line, *port, kind, &section) else { continue };
            if let Some(text) = excerpt(line, at, *port) {
                found.push(Mention { file: file.clone(), line: number, text, whole: whole(raw), kind, port: *port });
            }
        }
        if let Some(name) = line.trim_ascii().strip_suffix(b":") {
            section = name.to_ascii_lowercase();
        }
    }
}

/// A lock file of `PostgreSQL`: pid, data directory, start, port, one a line. The text is all four.
fn pid_file(file: &Text, bytes: &[u8], ports: &[u16]) -> Option<Mention> {
    let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').take(4).map(<[u8]>::trim_ascii).collect();
    let port = std::str::from_utf8(lines.get(3)?).ok()?.parse().ok().filter(|port| ports.contains(port))?;
    let text = Text::new(lines.join(&b' '));
    Some(Mention { file: file.clone(), line: 4, text, whole: None, kind: MentionKind::PidFile, port })
}

/// The whole line without its end; `None` where it holds a secret, is long or is no UTF-8.
fn whole(line: &[u8]) -> Option<Text> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let plain = line.len() <= LONGEST_LINE && std::str::from_utf8(line).is_ok() && masked_line(line).raw() == line;
    plain.then(|| Text::new(line))
}

/// True where a line holds something that is masked.
fn has_secret(line: &[u8]) -> bool {
    masked_line(line).raw() != line
}

/// The part of a line that is in force.
fn without_comment(line: &[u8]) -> &[u8] {
    let trimmed = line.trim_ascii_start();
    if [&b"#"[..], b"//", b";", b"<!--", b"*"].iter().any(|mark| trimmed.starts_with(mark)) {
        return b"";
    }
    let ends = [&b" #"[..], b" // "].iter().filter_map(|mark| line.windows(mark.len()).position(|part| part == *mark)).min();
    ends.and_then(|end| line.get(..end)).unwrap_or(line)
}

/// False for the lines of a unit that describe it, order it or open something else than a TCP port:
/// `Documentation=man:redis-server(1)`, `ListenNetlink=audit 1`.
fn is_setting(line: &[u8], kind: MentionKind) -> bool {
    let is_unit = matches!(kind, MentionKind::UnitEnabled | MentionKind::UnitDisabled);
    // A long command goes on in lines without a name.
    let key = line.split(|b| *b == b'=').next().unwrap_or_default().trim_ascii();
    let named = line.contains(&b'=') && !key.is_empty() && key.iter().all(u8::is_ascii_alphabetic);
    !is_unit || !named || [&b"ListenStream"[..], b"Exec", b"Environment"].iter().any(|start| key.starts_with(start))
}

/// Where a line names a port, if it does.
fn port_at(line: &[u8], port: u16, kind: MentionKind, section: &[u8]) -> Option<usize> {
    let digits = port.to_string().into_bytes();
    let mut from = 0;
    while let Some(at) = line.get(from..).and_then(|rest| rest.windows(digits.len()).position(|part| part == digits)) {
        let start = from + at;
        let (before, rest) = line.split_at(start);
        let after = rest.get(digits.len()..).unwrap_or_default();
        // A line of a bundle may be as long as the file, and what stands far away says nothing.
        let before = before.get(before.len().saturating_sub(NEAR)..).unwrap_or_default();
        let after = after.get(..NEAR).unwrap_or(after);
        if stands_alone(before, after) && (is_named(before) || is_addressed(before) || is_published(before, after, kind, section))
        {
            return Some(start);
        }
        from = start + 1;
    }
    None
}

/// False where a digit, a letter or a fraction is glued to the number, or where it is the password of a URL or a
/// number of something else.
fn stands_alone(before: &[u8], after: &[u8]) -> bool {
    let glued_before = match before {
        [.., last] if last.is_ascii_digit() || matches!(last, b'.' | b'_' | b'$') => true,
        // `-p3000`
        [.., b'-', b'p'] => matches!(before, [.., b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9', b'-', b'p']),
        // A page of a manual: `redis-server(1)`. A call says so with its whole name: `app.listen(3000)`.
        [name @ .., b'('] => after.starts_with(b")") && words_of(name).last().is_some_and(|word| word.as_slice() == b"server"),
        [.., last] => last.is_ascii_alphabetic() || !last.is_ascii(),
        [] => false,
    };
    let glued_after = match after {
        [b'.', next, ..] => next.is_ascii_digit(),
        [first, ..] => first.is_ascii_alphanumeric() || matches!(first, b'_' | b'@' | b'%') || !first.is_ascii(),
        [] => false,
    };
    let next: Vec<u8> = after.trim_ascii_start().iter().take_while(|b| b.is_ascii_alphabetic()).copied().collect();
    !glued_before && !glued_after && !is_one_of(UNITS, &next)
}

/// True when one of the last words before a number says that a port follows, and the nearest does not deny it.
fn is_named(before: &[u8]) -> bool {
    // What stands before the last separator speaks of something else.
    let clause = before.rsplit(|b| matches!(b, b';' | b'\t')).next().unwrap_or(before);
    let words = words_of(clause);
    if words.last().is_some_and(|word| is_one_of(DENYING, word)) {
        return false;
    }
    let option = [&b"-p"[..], b"-P", b"-l"].iter().any(|option| {
        let before = before.trim_ascii_end();
        let before = before.strip_suffix(b"=").unwrap_or(before);
        before.strip_suffix(*option).is_some_and(|rest| rest.last().is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'-'))
    });
    option || words.iter().rev().take(REACH).any(|word| is_one_of(NAMING, word))
}

/// True behind a host and a colon: `localhost:3000`, `[::1]:3000`, `*:3000`, `":3000"`.
fn is_addressed(before: &[u8]) -> bool {
    let Some(host) = before.strip_suffix(b":") else { return false };
    let in_host = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'*' | b'}' | b')' | b':' | b'[' | b']');
    let start = host.iter().rposition(|b| !in_host(b)).map_or(0, |at| at + 1);
    let host = host.get(start..).unwrap_or_default();
    let images = [&b"image"[..], b"from", b"tag"];
    if words_of(before).first().is_some_and(|word| images.contains(&word.as_slice())) {
        return false;
    }
    // A time, a mapping or a ratio: 12:30.
    let is_number = !host.is_empty() && host.iter().all(u8::is_ascii_digit);
    let denied = words_of(host).last().is_some_and(|word| is_one_of(DENYING, word));
    // An address without brackets: its colons part groups.
    let bare_v6 = host.contains(&b':') && !host.ends_with(b"]");
    !is_number && !denied && !bare_v6
}

/// True in the list of ports of a Compose file: `- "3000:80"`, `- "127.0.0.1:3000:80/tcp"`, `- 3000`.
fn is_published(before: &[u8], after: &[u8], kind: MentionKind, section: &[u8]) -> bool {
    if kind != MentionKind::Compose {
        return false;
    }
    let Some(item) = before.trim_ascii_start().strip_prefix(b"-") else { return false };
    let item = item.trim_ascii_start();
    let item = item.strip_prefix(b"\"").or(item.strip_prefix(b"'")).unwrap_or(item);
    let is_mapping = |text: &[u8]| text.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b':' | b'-' | b'[' | b']'));
    let ends = after.iter().position(|b| matches!(b, b'"' | b'\'' | b'/')).unwrap_or(after.len());
    let tail = after.get(..ends).unwrap_or_default().trim_ascii_end();
    let listed = section.ends_with(b"ports") || section.ends_with(b"expose");
    is_mapping(item) && is_mapping(tail) && (listed || before.ends_with(b":") || after.starts_with(b":"))
}

/// True for one of these words.
fn is_one_of(words: &str, word: &[u8]) -> bool {
    words.split(' ').any(|known| known.as_bytes() == word)
}

/// Words in small letters, parted at signs and where small letters are followed by a capital.
fn words_of(text: &[u8]) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let (mut open, mut small) = (false, false);
    for b in text {
        if !b.is_ascii_alphabetic() {
            open = false;
            continue;
        }
        if !open || (small && b.is_ascii_uppercase()) {
            words.push(Vec::new());
        }
        (open, small) = (true, b.is_ascii_lowercase());
        if let Some(word) = words.last_mut() {
            word.push(b.to_ascii_lowercase());
        }
    }
    words
}

/// The line around the number, masked; `None` where the number itself was part of a secret.
fn excerpt(line: &[u8], at: usize, port: u16) -> Option<Text> {
    // A line of a bundle may be as long as the file.
    let start = line.get(..at)?.iter().rposition(u8::is_ascii_whitespace).filter(|_| at > LONGEST_LINE).unwrap_or(0);
    let line = line.get(start..)?;
    let masked = masked_line(line.get(..line.len().min(2 * LONGEST_LINE))?);
    let text = String::from_utf8_lossy(masked.raw()).into_owned();
    let text = text.trim();
    let at = text.find(&port.to_string())?;
    let before = text.get(..at)?.chars().count();
    Some(Text::from(
        text.chars().skip(before.saturating_sub(MOST_CHARACTERS / 2)).take(MOST_CHARACTERS).collect::<String>().as_str(),
    ))
}

/// Beginnings of configurations of development servers.
const SERVERS: &[&[u8]] = &[
    b"vue.config.",
    b"webpack.dev.",
    b"rsbuild.config.",
    b"setupProxy.",
    b"proxy.conf",
    b"vite.config.",
    b"next.config.",
    b"webpack.config.",
    b"nuxt.config.",
    b"astro.config.",
    b"svelte.config.",
];
/// Words that say that a port follows.
const NAMING: &str = "port ports listen listening bind url addr address expose publish published runserver server serve inspect";
/// Words that say that something else follows.
const DENYING: &str = "timeout delay interval ttl size limit max min width height memory count version id pid uid gid retries backlog \
     connections workers ms seconds age length requests";
/// Units that make a number an amount.
const UNITS: &str = "ms s sec seconds milliseconds minutes bytes kb mb px";
/// Words between the one that names and the number: `port ENV.fetch("PORT") { 3000 }`.
const REACH: usize = 4;
/// Bytes on either side of a number that are looked at.
const NEAR: usize = 300;
const MOST_CHARACTERS: usize = 200;
const LONGEST_LINE: usize = 2_000;

#[cfg(test)]
mod tests {
    use portward_model::{Mention, MentionKind, Text};

    use super::{kind_of_file, mentions};

    fn found(kind: MentionKind, text: &str, ports: &[u16]) -> Vec<Mention> {
        let mut found = Vec::new();
        mentions(&Text::from("f"), kind, text.as_bytes(), ports, &mut found);
        found
    }

    #[test]
    fn lines_that_name_a_port() {
        for line in [
            "PORT=3000",
            "export LISTEN_PORT=\"3000\"",
            "DATABASE_URL=postgres://ana:x@localhost:3000/shop",
            r#"  "dev": "next dev -p 3000","#,
            r#"  "dev": "vite --port=3000","#,
            r#"  "dev": "serve -p3000","#,
            "  server: { port: 3000 },",
            "server.port=3000",
            "listen [::]:3000 default_server;",
            "listen 3000;",
            "proxy_pass http://127.0.0.1:3000;",
            "ListenStream=3000",
            "ListenStream=127.0.0.1:3000",
            "ExecStart=/usr/bin/app --port 3000",
            "port        ENV.fetch(\"PORT\") { 3000 }",
            "app.listen(process.env.PORT || 3000)",
            "command: sh -c 'exec web ${PORT:-3000}'",
            "python manage.py runserver 0.0.0.0:3000",
            "web: python manage.py runserver 3000",
            "port = 3000\t\t# (change requires restart)",
            "addr = \":3000\"",
            "  \"timeout\": 5, \"port\": 3000",
        ] {
            assert_eq!(found(MentionKind::Server, line, &[3000]).len(), 1, "{line}");
        }
    }

    #[test]
    fn lines_that_do_not() {
        for line in [
            "version = \"3.3000\"",
            "port=13000",
            "port=30001",
            "PORT=3000ms",
            "port wait 3000 ms",
            "\"timeout\": 3000,",
            "{timeout:3000}",
            "listen_timeout=3000",
            "at 12:3000",
            "# PORT=3000",
            "// port: 3000",
            "URL=postgres://ana:3000@localhost/shop",
            "image: shop:3000",
            "port_x3000",
            "port 3000.5",
            "port 2a3000",
            "the year 3000",
            "fe80::3000",
            "PORT=4000 # was 3000",
            "see http-server(3000)",
        ] {
            assert!(found(MentionKind::Server, line, &[3000]).is_empty(), "{line}");
        }
    }

    #[test]
    fn a_unit_names_a_port_where_it_sets_something() {
        let unit = "Documentation=http://redis.io/documentation:80, man:redis-server(80)\nListenStream=80\nExecStart=/usr/bin/app \\\n  --port 80\n\
            Environment=PORT=80\nAfter=port-80.service\nListenNetlink=audit 80\n";
        let lines: Vec<u32> = found(MentionKind::UnitDisabled, unit, &[80]).iter().map(|mention| mention.line).collect();
        assert_eq!(lines, [2, 4, 5]);
    }

    #[test]
    fn a_compose_file_names_both_ends_of_a_mapping() {
        let file = "services:\n  web:\n    image: shop:3000\n    ports:\n      - \"3000:80\"\n      - 127.0.0.1:3000:81/tcp\n      - '82'\n\
            \x20   volumes:\n      - ./80:/x\n";
        let lines: Vec<(u32, u16)> =
            found(MentionKind::Compose, file, &[3000, 80, 81, 82]).iter().map(|mention| (mention.line, mention.port)).collect();
        assert_eq!(lines, [(5, 3000), (5, 80), (6, 3000), (6, 81), (7, 82)]);
        assert!(found(MentionKind::Server, "  - \"3000:80\"", &[3000, 80]).is_empty());
    }

    #[test]
    fn secrets_are_masked_and_long_lines_are_cut() {
        let line = "POSTGRES_PASSWORD=hunter2 PORT=3000";
        assert_eq!(found(MentionKind::Environment, line, &[3000])[0].text.shown(), "POSTGRES_PASSWORD=*** PORT=3000");
        let long = format!("{}{}port: 3000{}", "x".repeat(5000), " ".repeat(9), ", more".repeat(900));
        let text = found(MentionKind::Server, &long, &[3000])[0].text.shown();
        assert!(text.contains("3000") && text.chars().count() <= 200, "{text}");
        // The number is a secret's: nothing is said.
        assert!(found(MentionKind::Server, "port_password=3000", &[3000]).is_empty());
    }

    #[test]
    fn a_lock_file_of_postgresql() {
        let file = b"4711\n/var/lib/postgresql/15/main\n1700000000\n5432\n/run/postgresql\n";
        let mut found = Vec::new();
        mentions(&Text::from("postmaster.pid"), MentionKind::PidFile, file, &[5432], &mut found);
        assert_eq!((found[0].line, found[0].text.shown().as_str()), (4, "4711 /var/lib/postgresql/15/main 1700000000 5432"));
        mentions(&Text::from("postmaster.pid"), MentionKind::PidFile, b"1\n2", &[5432], &mut found);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn files_by_name() {
        for (name, kind) in [
            (".env.local", Some(MentionKind::Environment)),
            ("compose.prod.yaml", Some(MentionKind::Compose)),
            ("docker-compose.yml", Some(MentionKind::Compose)),
            ("Procfile.dev", Some(MentionKind::Script)),
            ("vite.config.ts", Some(MentionKind::Server)),
            ("application-dev.yml", Some(MentionKind::Server)),
            ("web.socket", Some(MentionKind::UnitDisabled)),
            (".s.PGSQL.5432.lock", Some(MentionKind::PidFile)),
            (".envrc", None),
            ("main.rs", None),
        ] {
            assert_eq!(kind_of_file(name.as_bytes()), kind, "{name}");
        }
    }
}
