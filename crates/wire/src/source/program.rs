//! The text of a program that serves, as it stands beside its package: where it says that it listens.
//!
//! Only a few forms are known, each of which says `listen` and a port in one line. Everything else is a program.

use super::{
    Fact, Findings, Kind, Source, What,
    development::without_comment,
    number::{place, port},
};

pub(super) const KIND: Kind = Kind {
    reads: "`listen(3000)`, `PORT || 3000`, `environ.get(\"PORT\", 5000)`, `run(port=5000)`, `ListenAndServe(\":8080\")` and `InetSocketAddress(8080)`, in the programs that stand beside a package's manifest under their usual names.",
    beside: &[
        "package.json",
        "requirements.txt",
        "pyproject.toml",
        "Pipfile",
        "go.mod",
        "deno.json",
        "Procfile",
        "pom.xml",
        "build.gradle",
        "application.yml",
    ],
    ..Kind::of(
        "program",
        "server.js, app.py, main.go and their like",
        &[
            "server.js",
            "server.mjs",
            "server.cjs",
            "server.ts",
            "index.js",
            "index.mjs",
            "app.js",
            "app.mjs",
            "app.ts",
            "main.js",
            "main.ts",
            "app.py",
            "main.py",
            "server.py",
            "wsgi.py",
            "main.go",
            "Main.java",
            "App.java",
            "Server.java",
        ],
        read,
    )
};

fn read(source: &Source<'_>, found: &mut Findings) {
    for (number, raw) in source.lines() {
        if raw.len() > LONGEST {
            continue;
        }
        let line = without_comment(raw);
        if let Some((at, host, port, variable)) = listens(line) {
            let column = line.get(..at).map_or(0, |before| before.chars().count()) + 1;
            let reason = "where a program's own text says that it listens";
            let mut fact = Fact::new(port, What::Asked { host }, reason, number, u32::try_from(column).unwrap_or(1));
            fact.variable = variable.then(|| "PORT".to_owned());
            found.facts.push(fact);
        }
    }
}

type Listens = (usize, Option<String>, u16, bool);

/// Where the number stands, the address beside it, the port, and whether the variable PORT goes before it.
fn listens(line: &str) -> Option<Listens> {
    // A default for the variable says what it is for.
    let from_environment =
        ["PORT ||", "PORT ??", "PORT) ||", "PORT) ??", "PORT\") ||", "PORT\", ", "PORT', ", "PORT\") or ", "PORT') or "];
    for mark in from_environment {
        if let Some(at) = line.find(mark) {
            let rest = line.get(at + mark.len()..)?;
            return number_in(rest)
                .filter(|_| is_word_before(line, at))
                .map(|(skip, port)| (at + mark.len() + skip, None, port, true));
        }
    }
    for mark in [".listen(", "ListenAndServe(", "InetSocketAddress("] {
        let Some(at) = line.find(mark).map(|at| at + mark.len()) else { continue };
        let inside = line.get(at..)?.split(')').next()?;
        let words: Vec<&str> = inside.split(',').map(|word| word.trim().trim_matches(['"', '\'', '`'])).collect();
        let first = words.first()?;
        let second = words.get(1).copied().unwrap_or_default();
        let is_host = |word: &str| {
            !word.is_empty()
                && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-'))
                && word != "nil"
                && port(word).is_none()
        };
        let (host, port) = match (place(first), port(second)) {
            (Some((host, port)), _) => (host.or_else(|| is_host(second).then(|| second.to_owned())), port),
            (None, Some(port)) if is_host(first) => (Some((*first).to_owned()), port),
            _ => continue,
        };
        let skip = inside.find(&port.to_string())?;
        return Some((at + skip, host, port, false));
    }
    // Flask's and Uvicorn's own call.
    if line.contains(".run(")
        && let Some(at) = line.find("port=").map(|at| at + "port=".len())
    {
        let (skip, port) = number_in(line.get(at..)?)?;
        let host = line.find("host=").and_then(|from| line.get(from + 5..)).and_then(|rest| rest.split(['"', '\'']).nth(1));
        return Some((at + skip, host.map(str::to_owned), port, false));
    }
    None
}

/// The name before a mark ends there: `process.env.PORT`, not `TRANSPORT`.
fn is_word_before(line: &str, at: usize) -> bool {
    !line.get(..at).and_then(|before| before.chars().next_back()).is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// A number at the beginning, behind quotes and brackets.
fn number_in(text: &str) -> Option<(usize, u16)> {
    let trimmed = text.trim_start_matches([' ', '"', '\'', '(']);
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    let behind = trimmed.as_bytes().get(digits);
    let is_whole = !behind.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    port(trimmed.get(..digits)?).filter(|_| is_whole).map(|port| (text.len() - trimmed.len(), port))
}

const LONGEST: usize = 2_000;
