//! The command that a person typed: `npm run dev`, `make serve`, `./gradlew bootRun`.

use portward_model::{Grammar, Process, Runs, Text};

use crate::program::{self, Kind, Run};

/// The package script or build command that a process was started by, from the nearest of its ancestors that
/// is one; `ancestors` are nearest first.
///
/// A runner that only executes a tool (`npx vite`, `poetry run flask`) is taken where nothing further up is a
/// named script. The search ends at an interactive shell: what is above it was typed for another purpose.
pub fn script(process: &Process, ancestors: &[&Process]) -> Option<Text> {
    let mut fallback = None;
    for candidate in std::iter::once(process).chain(ancestors.iter().copied()) {
        match command(candidate) {
            Some(Command::Script(text)) => return Some(text),
            Some(Command::Execution(text)) => fallback = fallback.or(Some(text)),
            None => {}
        }
        if candidate.id != process.id && is_interactive_shell(candidate) {
            break;
        }
    }
    fallback
}

/// A runner's command line, shortened.
pub(crate) enum Command {
    /// A named script or target: `npm run dev`.
    Script(Text),
    /// One tool, executed by a runner: `npx vite`.
    Execution(Text),
}

impl Command {
    pub(crate) fn text(self) -> Text {
        match self {
            Self::Script(text) | Self::Execution(text) => text,
        }
    }
}

/// The command of a process that is a runner; `None` for any other.
pub(crate) fn command(process: &Process) -> Option<Command> {
    let words = words(process);
    let (program, arguments) = words.split_first()?;
    let verb = verb(&words);
    let runner = program::named(program)?;
    let run = runner.runs(verb)?;
    let text = shortened(runner.called(program), arguments);
    Some(match run {
        Run::Tool => Command::Execution(text),
        Run::Script => Command::Script(text),
    })
}

/// What a runner is told to do: its first word that is neither an option nor the value of one.
fn verb(words: &[String]) -> Option<&str> {
    let argv: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
    match Grammar::of(argv.first()?) {
        Some(grammar) => std::str::from_utf8(grammar.verb(&argv)?).ok().and_then(|verb| words.iter().find(|word| *word == verb)),
        None => words.iter().skip(1).find(|word| !word.starts_with('-')),
    }
    .map(String::as_str)
}

/// True for a shell that waits for a person: it has no `-c` and no script among its arguments.
pub(crate) fn is_interactive_shell(process: &Process) -> bool {
    if program::named(&process.name.shown()).is_none_or(|known| known.kind != Kind::Shell) {
        return false;
    }
    let Some(argv) = process.argv.known() else { return true };
    let words: Vec<&[u8]> = argv.arguments().iter().map(Text::raw).collect();
    match words.first().and_then(|program| Grammar::of(program)) {
        Some(grammar) => grammar.runs(&words) == Runs::Nothing,
        None => words.iter().skip(1).all(|word| word.starts_with(b"-") && (word.starts_with(b"--") || !word.contains(&b'c'))),
    }
}

/// Program and arguments with the interpreter left out: `node /x/npm-cli.js run dev` is `npm run dev`.
fn words(process: &Process) -> Vec<String> {
    let Some(argv) = process.argv.known() else { return Vec::new() };
    let arguments = argv.arguments();
    let Some(first) = arguments.first() else { return Vec::new() };
    // A program that rewrote its title leaves one argument with spaces: `npm run dev`.
    if arguments.len() == 1 && first.raw().contains(&b' ') {
        let line = first.lossy();
        return line.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    }
    let mut all: Vec<String> = arguments.iter().map(|argument| argument.lossy().into_owned()).collect();
    if is_interpreter(all.first()) {
        let words: Vec<&[u8]> = arguments.iter().map(Text::raw).collect();
        match Grammar::of(first.raw()).map(|grammar| grammar.runs(&words)) {
            Some(Runs::Program { at, name }) => {
                all.drain(..at);
                let name = String::from_utf8_lossy(name).into_owned();
                all.first_mut().into_iter().for_each(|first| first.clone_from(&name));
            }
            Some(Runs::Code | Runs::Itself | Runs::Nothing) | None => return Vec::new(),
        }
    }
    if let Some(program) = all.first_mut() {
        let plain = main_class(program).map_or_else(|| stem(program).to_owned(), str::to_owned);
        *program = plain;
    }
    all
}

fn is_interpreter(program: Option<&String>) -> bool {
    let base = program.map_or("", |program| program.rsplit('/').next().unwrap_or(program));
    program::named(base).is_some_and(|known| known.kind == Kind::Shell || (known.kind == Kind::Runtime && known.runner.is_none()))
}

fn main_class(word: &str) -> Option<&'static str> {
    if word.starts_with("org.gradle.wrapper") || word.ends_with("gradle-wrapper.jar") || word.starts_with("org.gradle.launcher") {
        Some("gradle")
    } else if word.starts_with("org.codehaus.plexus.classworlds") || word.starts_with("org.apache.maven") {
        Some("mvn")
    } else {
        None
    }
}

fn stem(program: &str) -> &str {
    let base = program.rsplit('/').next().unwrap_or(program);
    [".js", ".cjs", ".mjs", ".py", ".rb", ".sh", ".phar"].iter().find_map(|ending| base.strip_suffix(ending)).unwrap_or(base)
}

fn shortened(name: &str, arguments: &[String]) -> Text {
    let mut out = name.to_owned();
    for argument in arguments {
        if out.chars().count() + 1 + argument.chars().count() > LONGEST {
            out.push_str(" ...");
            break;
        }
        out.push(' ');
        out.push_str(argument);
    }
    Text::new(out)
}

/// Characters of a command that fit a column.
const LONGEST: usize = 48;

#[cfg(test)]
mod tests {
    use super::{is_interactive_shell, script};
    use crate::fixture::process;

    fn of(chain: &[&[&str]]) -> Option<String> {
        let mut processes = Vec::new();
        for (at, argv) in chain.iter().enumerate() {
            let at = u32::try_from(at).unwrap();
            processes.push(process(100 - at, 99 - at, argv, i64::from(at)));
        }
        let (first, rest) = processes.split_first()?;
        script(first, &rest.iter().collect::<Vec<_>>()).map(|text| text.shown())
    }

    const VITE: &[&str] = &["node", "/w/node_modules/.bin/vite"];
    const SH: &[&str] = &["sh", "-c", "vite"];
    const ZSH: &[&str] = &["-zsh"];

    #[test]
    fn package_scripts_by_every_runner() {
        for (argv, text) in [
            (&["npm run dev"] as &[&str], "npm run dev"),
            (&["node", "/usr/lib/node_modules/npm/bin/npm-cli.js", "start"], "npm start"),
            (&["node", "/usr/bin/pnpm", "dev"], "pnpm dev"),
            (&["/usr/bin/node", "/usr/share/yarn/bin/yarn.js", "dev"], "yarn dev"),
            (&["bun", "run", "dev"], "bun run dev"),
            (&["make", "-j4", "serve"], "make -j4 serve"),
            (&["just", "web"], "just web"),
            (&["/home/ana/.cargo/bin/cargo", "run", "--release"], "cargo run --release"),
            (&["/bin/sh", "./gradlew", "bootRun"], "./gradlew bootRun"),
            (&["java", "-Xmx64m", "-cp", "x.jar", "org.gradle.wrapper.GradleWrapperMain", "bootRun"], "gradle bootRun"),
            (&["dotnet", "run"], "dotnet run"),
            (&["go", "run", "."], "go run ."),
            (&["go", "-C", "api", "run", "."], "go -C api run ."),
            (&["npm", "--prefix", "web", "run", "dev"], "npm --prefix web run dev"),
            (&["node", "-r", "./x.js", "/usr/lib/node_modules/npm/bin/npm-cli.js", "run", "dev"], "npm run dev"),
            (&["java", "-cp", "gradle-wrapper.jar", "org.gradle.wrapper.GradleWrapperMain", "run"], "gradle run"),
            (&["java", "-classpath", "x.jar", "-jar", "gradle/wrapper/gradle-wrapper.jar", "run"], "gradle run"),
            (&["cargo", "+nightly", "--config", "a=1", "run"], "cargo +nightly --config a=1 run"),
            (&["python3", "-W", "ignore", "/usr/bin/invoke", "serve"], "invoke serve"),
            (&["ruby", "-I", "lib", "/usr/bin/rake", "serve"], "rake serve"),
            (&["bash", "-eo", "pipefail", "./gradlew", "bootRun"], "./gradlew bootRun"),
        ] {
            assert_eq!(of(&[VITE, SH, argv, ZSH]).as_deref(), Some(text), "{argv:?}");
        }
    }

    #[test]
    fn a_named_script_beats_an_execution_nearer() {
        assert_eq!(of(&[VITE, &["npm exec vite"], SH, &["npm run dev"], ZSH]).as_deref(), Some("npm run dev"));
        assert_eq!(of(&[VITE, &["npm exec vite"], ZSH]).as_deref(), Some("npm exec vite"));
    }

    #[test]
    fn the_nearest_script_wins() {
        assert_eq!(of(&[VITE, &["npm run dev"], &["turbo", "dev"], &["npm run all"], ZSH]).as_deref(), Some("npm run dev"));
    }

    #[test]
    fn an_interactive_shell_ends_the_search() {
        assert_eq!(of(&[VITE, ZSH, &["make", "shell"]]), None);
        assert_eq!(of(&[VITE, SH, &["make", "serve"]]).as_deref(), Some("make serve"));
    }

    #[test]
    fn programs_that_are_no_scripts() {
        for argv in [
            &["cargo", "build"] as &[&str],
            &["bun", "server.ts"],
            &["node", "server.js"],
            &["node"],
            &[""],
            &["deno", "run", "x.ts"],
            &["go", "-C", "run", "build"],
            &["sh", "-c", "make serve"],
            &["node", "-e", "npm"],
        ] {
            assert_eq!(of(&[argv]), None, "{argv:?}");
        }
    }

    #[test]
    fn long_commands_are_cut_and_escapes_are_shown() {
        let long = "plain-".repeat(14);
        assert_eq!(of(&[&["make", "a", &long]]).as_deref(), Some("make a ..."));
        assert_eq!(of(&[&["make", "/w/\x1b[2J"]]).as_deref(), Some("make /w/\\x1b[2J"));
    }

    #[test]
    fn shells_that_wait_for_a_person() {
        for (argv, yes) in [
            (&["zsh"] as &[&str], true),
            (&["-bash"], true),
            (&["bash", "--login", "-i"], true),
            (&["bash", "--init-file", "/usr/share/integration.sh"], true),
            (&["bash", "-o", "vi"], true),
            (&["zsh", "-il"], true),
            (&["fish", "-C", "set x 1"], true),
            (&["bash", "-c", "x"], false),
            (&["bash", "-eo", "pipefail", "run.sh"], false),
            (&["bash", "-lc", "x"], false),
            (&["sh", "run.sh"], false),
            (&["vite"], false),
        ] {
            assert_eq!(is_interactive_shell(&process(9, 1, argv, 1)), yes, "{argv:?}");
        }
    }
}
