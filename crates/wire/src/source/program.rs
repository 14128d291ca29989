//! The text of a program that serves, as it stands beside its package: where it says that it listens.
//!
//! Only a few forms are known, each of which says `listen` and a port in one line. Everything else is a program.

use super::{
    Fact, Findings, Kind, Source, Start, What,
    development::without_comment,
    number::{place, port},
};

pub(super) const KIND: Kind = Kind {
    reads: "`listen(3000)`, `listen(port)` of a number that the program names, `PORT || 3000`, `environ.get(\"PORT\", 5000)`, `run(port=5000)` and `InetSocketAddress(8080)`, in the programs that stand beside a package's manifest, or in `src` beside it, under their usual names. An application of Flask, FastAPI or Streamlit can be started.",
    beside: &[
        "package.json",
        "requirements.txt",
        "pyproject.toml",
        "Pipfile",
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
            "index.ts",
            "app.js",
            "app.mjs",
            "app.ts",
            "main.js",
            "main.ts",
            "app.py",
            "main.py",
            "server.py",
            "wsgi.py",
            "streamlit_app.py",
            "Main.java",
            "App.java",
            "Server.java",
        ],
        read,
    )
};

/// The folder in which a package's programs stand, where they do not stand beside its manifest.
pub const PROGRAMS: &str = "src";

fn read(source: &Source<'_>, found: &mut Findings) {
    listeners(source, found);
    if let Some((line, command, usual, reason)) = application(source) {
        // What its own text says is what it asks for.
        found.facts.iter_mut().for_each(|fact| fact.service = Some(WEB.to_owned()));
        if found.facts.is_empty() {
            found.facts.push(Fact::new(usual, What::Usual, reason, line, 1).of(WEB));
        }
        found.starts.push(Start {
            name: WEB.to_owned(),
            command: Some(command),
            folder: source.folder().to_owned(),
            line,
            ..Start::default()
        });
    }
}

/// An application of a framework that a line of the shell starts: where it is made, the line, its usual port and why.
fn application(source: &Source<'_>) -> Option<(u32, String, u16, &'static str)> {
    let module = source.path.rsplit('/').next()?.strip_suffix(".py")?;
    let made = |class: &str| {
        source.lines().find_map(|(number, line)| {
            let (name, made) = line.split_once('=')?;
            let name = name.split(':').next().unwrap_or(name);
            let is_name = !name.starts_with([' ', '\t']) && name.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            (is_name && made.trim_start().starts_with(&format!("{class}("))).then(|| (number, name.trim().to_owned()))
        })
    };
    let starts_itself = |call: &str| source.lines().any(|(_, line)| without_comment(line).trim_start().starts_with(call));
    if let Some((line, name)) = made("Flask") {
        let own = starts_itself(&format!("{name}.run("));
        let command = if own { format!("python3 {module}.py") } else { format!("flask --app {module} run") };
        return Some((line, command, 5000, "the usual port of Flask"));
    }
    let uses = |module: &str| {
        let starts = [format!("import {module}"), format!("from {module} ")];
        source.lines().find(|(_, line)| starts.iter().any(|start| line.starts_with(start.as_str()))).map(|(number, _)| number)
    };
    if let Some(line) = uses("streamlit") {
        return Some((line, format!("streamlit run {module}.py"), 8501, "the usual port of Streamlit"));
    }
    let (line, name) = made("FastAPI")?;
    let own = starts_itself("uvicorn.run(");
    let command = if own { format!("python3 {module}.py") } else { format!("uvicorn {module}:{name} --reload") };
    Some((line, command, 8000, "the usual port of Uvicorn"))
}

/// Where its text says that it listens.
pub(super) fn listeners(source: &Source<'_>, found: &mut Findings) {
    // Numbers that the program gives a name, and where.
    let mut named: Vec<(&str, u32, u32, u16)> = Vec::new();
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
        } else if let Some((name, at, port)) = constant(line) {
            let column = line.get(..at).map_or(0, |before| before.chars().count()) + 1;
            named.push((name, number, u32::try_from(column).unwrap_or(1), port));
        } else if let Some(name) = listens_at_name(line)
            && let Some((_, number, column, port)) = named.iter().rfind(|(own, ..)| *own == name)
        {
            let reason = "the number at which a program's own text says that it listens";
            found.facts.push(Fact::new(*port, What::Asked { host: None }, reason, *number, *column));
        }
    }
}

/// `const port = 3000`: the name, where the number stands, and the number.
fn constant(line: &str) -> Option<(&str, usize, u16)> {
    let (left, right) = line.split_once('=')?;
    let left = left.split(':').next().unwrap_or(left).trim();
    let name = ["const ", "let ", "var "].iter().find_map(|word| left.strip_prefix(word)).unwrap_or(left).trim();
    let is_name = name.to_ascii_lowercase().ends_with("port") && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let said = port(right.trim().trim_end_matches(';')).filter(|_| is_name)?;
    Some((name, line.rfind(&said.to_string())?, said))
}

/// `listen(port)`, `listen({ port })`, `run(port=PORT)`: the name.
fn listens_at_name(line: &str) -> Option<&str> {
    let inside = line.split_once(".listen(").map(|(_, inside)| inside.trim_start().trim_start_matches('{').trim_start());
    let inside = inside.or_else(|| line.split_once(".run(").and_then(|(_, rest)| Some(rest.split_once("port=")?.1)))?;
    let inside = inside.strip_prefix("port:").unwrap_or(inside).trim_start();
    let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inside.len());
    inside.get(..end).filter(|name| !name.is_empty())
}

type Listens = (usize, Option<String>, u16, bool);

/// Where the number stands, the address beside it, the port, and whether the variable PORT goes before it.
fn listens(line: &str) -> Option<Listens> {
    // A default for the variable says what it is for.
    if let Some((at, port)) = default_of_port(line) {
        return Some((at, None, port, true));
    }
    for mark in [".listen(", "ListenAndServe(", "InetSocketAddress(", ".Run(\":", ".Start(\":", ".Listen(\":"] {
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
    // `fastify.listen({ port: 3000 })`, `Deno.serve({ port: 8000 }, ..)`.
    for mark in [".listen({", "Deno.serve({", "Bun.serve({"] {
        let Some(at) = line.find(mark).map(|at| at + mark.len()) else { continue };
        let inside = line.get(at..)?.split('}').next()?;
        let Some(from) = inside.find("port:").map(|from| from + "port:".len()) else { continue };
        let (skip, port) = number_in(inside.get(from..)?)?;
        let host = ["host:", "hostname:"].iter().find_map(|key| inside.split_once(key)?.1.split(['"', '\'']).nth(1));
        return Some((at + from + skip, host.map(str::to_owned), port, false));
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

/// What stands for the variable PORT where that is not set, and where: `PORT || 3000`, `PORT||3000`, `PORT'] ?? 3000`,
/// `PORT, 10) || 3000`, `"PORT", 5000`, `"PORT") or 5000`.
fn default_of_port(line: &str) -> Option<(usize, u16)> {
    line.match_indices("PORT").filter(|(at, _)| is_word_before(line, *at)).find_map(|(at, name)| {
        let behind = line.get(at + name.len()..)?;
        let is_quoted = behind.starts_with(['"', '\'']);
        let closed = |text: &'_ str| text.trim_start_matches([' ', '"', '\'', ']', ')']).len();
        let mut rest = behind.get(behind.len() - closed(behind)..)?;
        // The base of parseInt().
        if let Some(more) = rest.strip_prefix(", 10").or_else(|| rest.strip_prefix(",10")) {
            rest = more.get(more.len() - closed(more)..)?;
        }
        let default = ["||", "??", "or "].iter().find_map(|word| rest.strip_prefix(word));
        let default = default.or_else(|| rest.strip_prefix(',').filter(|_| is_quoted))?;
        let (skip, port) = number_in(default)?;
        Some((line.len() - default.len() + skip, port))
    })
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

const WEB: &str = "web";
const LONGEST: usize = 2_000;
