//! The scripts of its own package that a line runs: `concurrently "npm:dev:*"`, `run-p dev:*`, `npm run api`.

use super::{
    is_assignment, tool,
    words::{Word, commands},
};
use crate::source::number::is_port_variable;

/// A script that is run, and what it goes by there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source) struct Script<'n> {
    pub(in crate::source) name: &'n str,
    pub(in crate::source) label: String,
}

/// What a line runs of the scripts of its own package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::source) struct Scripts<'n> {
    /// Each once, in their order. What runs in another package is none of them.
    pub(in crate::source) all: Vec<Script<'n>>,
    /// They run at once, as each would by itself, and nothing else runs with them.
    pub(in crate::source) together: bool,
}

/// Those of these scripts that a line runs.
pub(in crate::source) fn scripts<'n>(line: &str, known: &[&'n str]) -> Scripts<'n> {
    let mut found = Scripts::default();
    deeper(line, known, 0, &mut found);
    found
}

fn deeper<'n>(line: &str, known: &[&'n str], depth: usize, found: &mut Scripts<'n>) {
    let all = commands(line);
    for command in &all {
        // What is told its port here is told no other one by its script.
        let is_told = |word: &Word| {
            let is_set = word.text.split_once('=').is_some_and(|(name, _)| is_assignment(&word.text) && is_port_variable(name));
            is_set || word.text.starts_with("--port") || matches!(word.text.as_str(), "-p" | "--listen")
        };
        let start = command.iter().position(|word| !is_assignment(&word.text)).unwrap_or(command.len());
        let rest = command.get(start..).unwrap_or_default();
        let Some((step, name)) = tool(rest) else { continue };
        let arguments = rest.get(step + 1..).unwrap_or_default();
        let is_plain = all.len() == 1 && start == 0 && !rest.iter().take(step).any(|word| word.text.contains('='));
        match name.as_str() {
            "concurrently" | "conc" => {
                let is_whole = concurrently(arguments, known, depth, found);
                found.together = depth == 0 && is_plain && is_whole;
            }
            "npm-run-all" | "npm-run-all2" | "run-p" | "run-s" | "run-pz" | "run-sz" => {
                let is = |words: &[&str]| arguments.iter().any(|word| words.contains(&word.text.as_str()));
                let own = arguments.iter().take_while(|word| word.text != "--").filter(|word| !word.text.starts_with('-'));
                let mut is_whole = !is(&["-s", "--serial", "--sequential"]);
                is_whole &= name.starts_with("run-p") || is(&["-p", "--parallel"]);
                for word in own {
                    let mut words = word.text.split_whitespace();
                    let Some(pattern) = words.next() else { continue };
                    // What is told more than its script is does not run as by itself.
                    is_whole &= words.next().is_none();
                    let before = found.all.len();
                    known.iter().filter(|name| is_segmented(pattern, name)).for_each(|name| add(name, None, found));
                    is_whole &= found.all.len() > before;
                }
                found.together = depth == 0 && is_plain && is_whole;
            }
            manager @ ("npm" | "pnpm" | "yarn" | "bun") if !command.iter().any(is_told) => {
                let named = script_of(manager, arguments).and_then(|name| known.iter().find(|own| **own == name));
                if let Some(name) = named {
                    add(name, None, found);
                }
            }
            _ => {}
        }
    }
}

/// True where every line of it is a script.
fn concurrently<'n>(arguments: &[Word], known: &[&'n str], depth: usize, found: &mut Scripts<'n>) -> bool {
    let mut names: Vec<String> = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    let mut words = arguments.iter().map(|word| word.text.as_str());
    while let Some(word) = words.next() {
        let (option, glued) = word.split_once('=').map_or((word, None), |(option, value)| (option, Some(value)));
        if !word.starts_with('-') {
            lines.push(word);
        } else if VALUED.contains(&option) {
            let value = glued.or_else(|| words.next()).unwrap_or_default();
            if matches!(option, "-n" | "--names") {
                names = value.split(',').map(|name| name.trim().to_owned()).collect();
            }
        }
    }
    // Each line is one, or as many as its star stands for.
    let (mut at, mut is_whole) = (0, true);
    for line in lines {
        let first = line.split_whitespace().next().unwrap_or_default();
        let pattern = first.split_once(':').filter(|(manager, _)| MANAGERS.contains(manager)).map(|(_, pattern)| pattern);
        let before = found.all.len();
        let Some(pattern) = pattern else {
            if depth < DEEPEST {
                deeper(line, known, depth + 1, found);
            }
            if let (Some(script), Some(name)) = (found.all.get_mut(before), names.get(at).filter(|name| !name.is_empty())) {
                script.label.clone_from(name);
            }
            at += 1;
            let is_script = found.all.len() == before + 1 && commands(line).len() == 1;
            is_whole &= is_script && line.split_whitespace().count() <= 3;
            continue;
        };
        // `dev:*(!api)` leaves out.
        let (pattern, without) =
            pattern.split_once("(!").map_or((pattern, None), |(pattern, rest)| (pattern, Some(rest.trim_end_matches(')'))));
        for name in known.iter().filter(|name| is_starred(pattern, name) && without.is_none_or(|part| !name.contains(part))) {
            add(name, names.get(at).filter(|name| !name.is_empty()), found);
            at += 1;
        }
        is_whole &= found.all.len() > before;
    }
    is_whole
}

/// The script that a package manager is told to run in its own folder.
fn script_of<'w>(manager: &str, arguments: &'w [Word]) -> Option<&'w str> {
    let is_elsewhere = |word: &Word| {
        let option = word.text.split('=').next().unwrap_or_default();
        ELSEWHERE.contains(&option)
    };
    if arguments.iter().any(is_elsewhere) {
        return None;
    }
    let mut words = arguments.iter().map(|word| word.text.as_str()).filter(|word| !word.starts_with('-'));
    match words.next()? {
        "run" | "run-script" => words.next(),
        word if manager != "npm" || word == "start" => Some(word),
        _ => None,
    }
}

fn add<'n>(name: &'n str, label: Option<&String>, found: &mut Scripts<'n>) {
    if !found.all.iter().any(|known| known.name == name) {
        let last = || name.rsplit(':').next().unwrap_or(name).to_owned();
        found.all.push(Script { name, label: label.map_or_else(last, Clone::clone) });
    }
}

/// A star of concurrently's stands for any letters.
fn is_starred(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
    }
}

/// A star of npm-run-all's stands for any letters between colons, two for any at all.
fn is_segmented(pattern: &str, name: &str) -> bool {
    let (mut patterns, mut names) = (pattern.split(':'), name.split(':'));
    loop {
        match (patterns.next(), names.next()) {
            (None, None) | (Some("**"), Some(_)) => return true,
            (Some(pattern), Some(name)) if is_starred(pattern, name) => {}
            _ => return false,
        }
    }
}

const MANAGERS: &[&str] = &["npm", "pnpm", "yarn", "bun", "node"];
/// Options of package managers by which a script of another package is meant.
const ELSEWHERE: &[&str] = &[
    "-w",
    "--workspace",
    "--workspaces",
    "-ws",
    "--prefix",
    "-C",
    "--dir",
    "--cwd",
    "--filter",
    "-F",
    "-r",
    "--recursive",
    "workspace",
    "workspaces",
];
/// Options of concurrently with a value.
const VALUED: &[&str] = &[
    "-n",
    "--names",
    "-c",
    "--prefix-colors",
    "-p",
    "--prefix",
    "-t",
    "--timestamp-format",
    "-l",
    "--prefix-length",
    "-m",
    "--max-processes",
    "-s",
    "--success",
    "--name-separator",
    "--restart-tries",
    "--restart-after",
    "--default-input-target",
    "--kill-signal",
    "--teardown",
    "--hide",
];
/// Lines in lines.
const DEEPEST: usize = 3;

#[cfg(test)]
mod tests {
    use super::scripts;

    #[test]
    fn the_scripts_that_a_line_runs() {
        let known = ["dev", "dev:web", "dev:api", "dev:api:watch", "start", "build"];
        for (line, expected) in [
            ("concurrently \"npm:dev:*\"", "web=dev:web api=dev:api watch=dev:api:watch together"),
            ("npx concurrently -k -n front,back 'pnpm:dev:web' yarn:dev:api", "front=dev:web back=dev:api together"),
            ("concurrently --names=\"a,b\" -c blue,red \"npm run dev:web\" \"node api.js\"", "a=dev:web"),
            ("concurrently \"npm:dev:*(!watch)\"", "web=dev:web api=dev:api together"),
            ("concurrently \"npm run dev:web\" \"npm run dev:api\"", "web=dev:web api=dev:api together"),
            ("cross-env NODE_ENV=development run-p -l dev:*", "web=dev:web api=dev:api"),
            ("run-p -l dev:*", "web=dev:web api=dev:api together"),
            ("npm-run-all --parallel \"dev:**\"", "web=dev:web api=dev:api watch=dev:api:watch together"),
            ("run-s build start", "build=build start=start"),
            ("npm run build && run-p dev:*", "build=build web=dev:web api=dev:api"),
            ("npm-run-all -p \"dev:web -- --x\" dev:api", "web=dev:web api=dev:api"),
            ("npm run build && npm start", "build=build start=start"),
            ("yarn dev:web", "web=dev:web"),
            ("pnpm run dev:api --silent", "api=dev:api"),
        ] {
            let found = scripts(line, &known);
            let mut told: Vec<String> = found.all.iter().map(|script| format!("{}={}", script.label, script.name)).collect();
            told.extend(found.together.then(|| "together".to_owned()));
            assert_eq!(told.join(" "), expected, "{line}");
        }
        for line in [
            "npm run dev:web -w web",
            "npm --prefix api run dev:api",
            "pnpm --filter web dev:web",
            "pnpm -r dev",
            "PORT=3 npm run dev:web",
            "npm run dev:web -- --port 3",
            "npm install",
            "turbo run dev",
            "concurrently",
            "run-p none:*",
            "vite",
        ] {
            assert_eq!(scripts(line, &known).all, [], "{line}");
        }
    }
}
