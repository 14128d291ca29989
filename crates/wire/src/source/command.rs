//! A command line, and the ports that it names: by its variables, by the options of its programs, by what they are usual on.
//!
//! Read by the words of a shell, without expanding anything. What starts other programs is looked through; what stands behind `&&`
//! is a command of its own.

mod programs;
mod scripts;
mod words;

use portward_model::{Grammar, Runs};

use super::{
    Fact, Findings, What,
    number::{is_port_variable, place, port, variable},
};
use programs::{Known, Takes};
pub(super) use scripts::scripts;
use words::Word;

/// Where a command line stands, and whose it is.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) service: &'a str,
}

/// Reads a command line into facts.
pub(crate) fn read(text: &str, at: At<'_>, found: &mut Findings) {
    deeper(text, at, 0, found);
}

fn deeper(text: &str, at: At<'_>, depth: usize, found: &mut Findings) {
    for command in words::commands(text) {
        simple(&command, at, depth, found);
    }
}

/// One command without separators.
fn simple(command: &[Word], at: At<'_>, depth: usize, found: &mut Findings) {
    let filled: Vec<Word> = command.iter().map(|word| Word { text: with_defaults(&word.text), ..word.clone() }).collect();
    let command = filled.as_slice();
    let fact = |word: &Word, port, what, reason| {
        Fact::new(port, what, reason, at.line, if at.column == 0 { 0 } else { at.column + word.at }).of(at.service)
    };
    let mut rest = command;
    let mut told = false;
    // What takes assignments, too, as `set` of another system's shell does.
    let passes = |word: &str| {
        matches!(base(word), "cross-env" | "cross-env-shell" | "env" | "export" | "exec" | "set" | "dotenv" | "dotenvx")
    };
    while let Some((word, behind)) = rest.split_first() {
        if let Some((name, value)) = word.text.split_once('=').filter(|_| is_assignment(&word.text)) {
            if is_port_variable(name)
                && let Some(port) = port(value)
            {
                found.facts.push(fact(word, port, What::Asked { host: None }, "a variable that servers read their port from"));
                told = true;
            }
            found.urls(value, at.line, at.column + word.at, Some(name));
        } else if !passes(&word.text) {
            break;
        }
        rest = behind;
    }
    let Some((step, name)) = tool(rest) else { return };
    let arguments = rest.get(step + 1..).unwrap_or_default();
    // A shell, or what runs several lines: each is a command of its own.
    let quoted: Vec<&Word> = match name.as_str() {
        "concurrently" | "conc" => arguments.iter().filter(|word| word.text.contains(' ')).collect(),
        "sh" | "bash" | "zsh" => arguments.iter().skip_while(|word| !word.text.ends_with('c')).skip(1).take(1).collect(),
        _ => Vec::new(),
    };
    if !quoted.is_empty() && depth < DEEPEST {
        for word in quoted {
            let inner = At { column: if at.column == 0 { 0 } else { at.column + word.at }, ..at };
            deeper(&word.text, inner, depth + 1, found);
        }
        return;
    }
    let known = programs::named(&name, arguments.first().map(|word| word.text.as_str()));
    let mut found_ports = options(&name, known, rest, step, &fact, found);
    found_ports |= positions(known, arguments, &fact, found);
    for word in arguments {
        found.urls(&word.text, at.line, if at.column == 0 { 0 } else { at.column + word.at }, Some(at.service));
    }
    if let (Some(known), false, false) = (known, found_ports, told)
        && known.usual != 0
    {
        let word = rest.get(step).unwrap_or(&command[0]);
        found.facts.push(fact(word, known.usual, What::Usual, known.reason));
    }
}

/// The options of a command that name a port; true where one tells where to listen.
fn options(
    name: &str,
    known: Option<&Known>,
    words: &[Word],
    step: usize,
    fact: &dyn Fn(&Word, u16, What, &'static str) -> Fact,
    found: &mut Findings,
) -> bool {
    let is_client = programs::is_client(name);
    let host = host_of(words);
    let mut told = false;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        let (option, glued) = match word.text.split_once('=') {
            Some((option, value)) if option.starts_with('-') => (option, Some(value)),
            _ => (word.text.as_str(), None),
        };
        // The options of an interpreter stand before its program, those of the program behind it.
        if let Some((debugger, default)) = debugger(option, glued) {
            found.facts.push(fact(word, default, What::Debugger { waits: true }, debugger));
            continue;
        }
        if at <= step && !option.starts_with("-D") {
            continue;
        }
        let value = || glued.or_else(|| words.get(at).map(|next| next.text.as_str()));
        let short = known.is_some_and(|known| known.short.is_some_and(|short| option == short));
        let glued_short = known.and_then(|known| known.short).and_then(|short| option.strip_prefix(short)).and_then(port);
        let is_port =
            matches!(option, "--port" | "--http-port" | "--https-port" | "--listen-port" | "--server.port" | "-Dserver.port")
                || option.ends_with(".http.port") && option.starts_with("-D");
        let binds = matches!(
            option,
            "--bind" | "-b" | "--listen" | "--address" | "--addr" | "--dev-addr" | "--urls" | "--listen-client-urls"
        );
        let said = if is_port || short {
            value().and_then(port).map(|port| (None, port, "the option that tells a program its port"))
        } else if let Some(port) = glued_short {
            Some((None, port, "the option that tells a program its port"))
        } else if binds && known.is_some_and(|known| known.binds) {
            // Of several the first one.
            let first = value().and_then(|value| value.split([',', ';']).next());
            let said = first.and_then(|value| place(value.rsplit("://").next().unwrap_or(value)));
            said.map(|(host, port)| (host, port, "the option that tells a program where to listen"))
        } else {
            None
        };
        if let Some((own, port, reason)) = said {
            let what = if is_client {
                let host = host.clone().unwrap_or_else(|| "localhost".to_owned());
                What::Dialled(super::Url { scheme: None, host, port, written: true })
            } else {
                told = true;
                What::Asked { host: own.or_else(|| host.clone()) }
            };
            found.facts.push(fact(word, port, what, reason));
        }
    }
    told
}

/// The words of a command that are a port by where they stand: `runserver 8000`, `php -S localhost:8000`, `http.server 9000`.
fn positions(
    known: Option<&Known>,
    arguments: &[Word],
    fact: &dyn Fn(&Word, u16, What, &'static str) -> Fact,
    found: &mut Findings,
) -> bool {
    let Some(known) = known else { return false };
    let word = match known.takes {
        Takes::Nothing => None,
        // The value of an option before it is none.
        Takes::First => arguments.iter().find(|word| !word.text.starts_with('-') && place(&word.text).is_some()),
        Takes::Behind(flag) => arguments
            .iter()
            .position(|word| word.text == flag)
            .and_then(|at| arguments.get(at + 1))
            .filter(|word| !word.text.starts_with('-')),
    };
    let Some((word, (host, port))) = word.and_then(|word| Some((word, place(&word.text)?))) else { return false };
    found.facts.push(fact(word, port, What::Asked { host }, "where a program is told to listen"));
    true
}

/// The address that a command tells its program to listen on.
fn host_of(words: &[Word]) -> Option<String> {
    words.iter().zip(words.iter().skip(1).map(Some).chain([None])).find_map(|(word, next)| {
        let is_host = |option: &str| matches!(option, "--host" | "-H" | "--hostname" | "--bind-address");
        if let Some((option, value)) = word.text.split_once('=') {
            return is_host(option).then(|| value.to_owned());
        }
        let next = next.map(|word| word.text.as_str()).filter(|next| !next.starts_with('-'));
        is_host(&word.text).then_some(next).flatten().map(str::to_owned)
    })
}

/// The port of a debugger that an option waits at, and why; the usual one where none is said.
fn debugger(option: &str, value: Option<&str>) -> Option<(&'static str, u16)> {
    let said = || value.and_then(place).map(|(_, port)| port);
    match option {
        "--inspect" | "--inspect-brk" | "--inspect-wait" => {
            let reason = if value.is_some() { "the port of Node's inspector" } else { "the usual port of Node's inspector" };
            Some((reason, said().or(value.is_none().then_some(9229))?))
        }
        "--inspect-port" | "--debug-port" => said().map(|port| ("the port of Node's inspector", port)),
        // `-agentlib:jdwp=transport=dt_socket,server=y,address=*:5005` and its elder twin.
        "-agentlib:jdwp" | "-Xrunjdwp:transport" => {
            let address = value?.split(',').find_map(|part| part.strip_prefix("address="))?;
            place(address).map(|(_, port)| ("the port of Java's debugger", port))
        }
        _ => None,
    }
}

/// Which word of a command names the program that listens in the end, and by which name.
fn tool(command: &[Word]) -> Option<(usize, String)> {
    let mut at = 0;
    for _ in 0..DEEPEST * 4 {
        let left: Vec<&[u8]> = command.get(at..)?.iter().map(|word| word.text.as_bytes()).collect();
        let first = command.get(at)?;
        let own = base(&first.text);
        match Grammar::of(own.as_bytes()).filter(|grammar| grammar.starts_others()).map(|grammar| grammar.runs(&left)) {
            Some(Runs::Program { at: step, name }) if step > 0 => {
                at += step;
                let whole = &command.get(at)?.text;
                if whole.len() != name.len() {
                    let name = String::from_utf8_lossy(name).into_owned();
                    return Some((at, base(&name).to_owned()));
                }
            }
            _ => return Some((at, own.to_owned())),
        }
    }
    None
}

/// A word with what its variables are where nothing sets them: `0.0.0.0:${PORT:-8000}` is `0.0.0.0:8000`.
fn with_defaults(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let Some(end) = from.find('}').map(|end| end + 1) else { return out + from };
        let (inside, behind) = from.split_at(end);
        match variable(inside) {
            Some((_, default)) if !default.is_empty() => out.push_str(&default),
            _ => out.push_str(inside),
        }
        rest = behind;
    }
    out + rest
}

fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn base(word: &str) -> &str {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name.strip_suffix(".cmd").unwrap_or(name)
}

/// Commands in quotes in commands in quotes.
const DEEPEST: usize = 3;

#[cfg(test)]
mod tests {
    use super::{At, read};
    use crate::source::{Findings, What};

    fn said(line: &str) -> Vec<String> {
        let mut found = Findings::default();
        read(line, At { line: 1, column: 1, service: "dev" }, &mut found);
        let told = found.facts.iter().map(|fact| {
            let what = match &fact.what {
                What::Asked { host } => format!("asks{}", host.as_ref().map(|host| format!("@{host}")).unwrap_or_default()),
                What::Usual => "usual".to_owned(),
                What::Debugger { .. } => "debugger".to_owned(),
                What::Dialled(url) => format!("dials {}", url.host),
                other => format!("{other:?}"),
            };
            format!("{} {what}", fact.port)
        });
        told.collect()
    }

    #[test]
    fn servers_are_told_their_ports() {
        for (line, expected) in [
            ("next dev -p 3001", "3001 asks"),
            ("vite --port=4000 --host 127.0.0.1", "4000 asks@127.0.0.1"),
            ("PORT=3002 node server.js", "3002 asks"),
            ("cross-env PORT=3003 NODE_ENV=x npx vite", "3003 asks"),
            ("serve -l 5000 dist", "5000 asks"),
            ("serve -p3000", "3000 asks"),
            ("python manage.py runserver 0.0.0.0:8001", "8001 asks@0.0.0.0"),
            ("python3 -m http.server 9000", "9000 asks"),
            ("python3 -m http.server --bind 127.0.0.1 9001", "9001 asks"),
            ("php -S localhost:8080 -t public", "8080 asks@localhost"),
            ("php artisan serve --port=8002", "8002 asks"),
            ("gunicorn -b 127.0.0.1:8003 app:app", "8003 asks@127.0.0.1"),
            ("uvicorn app:app --port 8004 --reload", "8004 asks"),
            ("flask run -p 5001", "5001 asks"),
            ("java -jar app.jar --server.port=8090", "8090 asks"),
            ("java -Dserver.port=8091 -jar app.jar", "8091 asks"),
            ("dotnet run --urls http://localhost:5005", "5005 asks@localhost 5005 dials localhost"),
            ("redis-server --port 6380", "6380 asks"),
            ("uvicorn app:app --port ${PORT:-8005}", "8005 asks"),
            ("gunicorn -b 0.0.0.0:${PORT:-8006} app:app", "8006 asks@0.0.0.0"),
            (
                "bin/etcd --name a --listen-client-urls http://127.0.0.1:22379,http://127.0.0.1:24001 --listen-peer-urls http://127.0.0.1:22380",
                "22379 asks@127.0.0.1 22379 dials 127.0.0.1 24001 dials 127.0.0.1 22380 dials 127.0.0.1",
            ),
        ] {
            assert_eq!(said(line).join(" "), expected, "{line}");
        }
    }

    #[test]
    fn what_is_told_nothing_is_on_its_usual_port() {
        for (line, expected) in [
            ("vite", "5173 usual"),
            ("npx vite dev", "5173 usual"),
            ("next dev --turbo", "3000 usual"),
            ("ng serve", "4200 usual"),
            ("python manage.py runserver", "8000 usual"),
            ("php artisan serve", "8000 usual"),
            ("npm run build && vite preview", "4173 usual"),
            ("docusaurus start", "3000 usual"),
            ("npx wrangler dev --local", "8787 usual"),
            ("streamlit run app.py", "8501 usual"),
            ("react-scripts start", "3000 usual"),
        ] {
            assert_eq!(said(line), [expected], "{line}");
        }
        for line in [
            "vite build",
            "next build",
            "ng test",
            "tsc -p tsconfig.json",
            "npm run dev",
            "python manage.py migrate",
            "node server.js",
        ] {
            assert!(said(line).is_empty(), "{line}: {:?}", said(line));
        }
    }

    #[test]
    fn debuggers_and_clients_are_told_from_servers() {
        assert_eq!(said("node --inspect server.js"), ["9229 debugger"]);
        assert_eq!(said("node --inspect=127.0.0.1:9230 server.js --port 3000"), ["9230 debugger", "3000 asks"]);
        assert_eq!(
            said("java -agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=*:5005 -jar a.jar"),
            ["5005 debugger"]
        );
        assert_eq!(said("psql -h localhost --port 5433"), ["5433 dials localhost"]);
        assert_eq!(said("wait-on http://localhost:3000"), ["3000 dials localhost"]);
        assert_eq!(said("concurrently \"vite --port 4001\" \"node --inspect api.js\""), ["4001 asks", "9229 debugger"]);
        assert_eq!(said("sh -c 'exec serve -p 4002'"), ["4002 asks"]);
    }

    #[test]
    fn numbers_that_are_none() {
        for line in [
            "jest --testTimeout 3000",
            "sleep 3000",
            "node --max-old-space-size=4096 build.js",
            "tsc -p 3000",
            "mkdir -p 3000",
            "cp -p 3000 4000",
            "timeout 3000 make",
            "ssh -p 2222 host",
            "grep -p 80",
            "port 3000",
            "docusaurus build",
            "strapi build",
            "fastify help --port",
            "lsof -i :3000",
            "expo export",
            "",
            "'",
            "\"unclosed --port",
        ] {
            assert!(said(line).is_empty(), "{line}: {:?}", said(line));
        }
    }
}
