//! The command line: from words to a capability, and from its answer to an exit code.

use std::{
    any::TypeId,
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use clap::{Arg, ArgMatches, Args, Command, ValueHint};
use portward_model::{hint, inert};
use portward_ops::{
    Cancel, Document, Door, Effect, Exit, Failure, Home, Kind, Never, Noun, Op, Sink, distance, perform, write_json,
};
use portward_sys::{SystemClock, on_request_to_end, on_requests_to_end, requested_end, this_caller};

use crate::{complete, generate, misread::misread, prompt::Terminal, schema, screen::Screen, show::Show, source, words};

/// Runs the command line and says how it went.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    // Who runs a program through us must be able to tell our failure from the program's.
    let runs = arguments.get(1).is_some_and(|word| word == "run" || word == "exec");
    match act(arguments) {
        Ok(exit) => exit,
        Err(Trouble::ReaderGone) => ExitCode::SUCCESS,
        Err(Trouble::Clap(error)) if error.use_stderr() => {
            let failure = misread(&error);
            refused(&if runs { failure.before_start() } else { failure })
        }
        Err(Trouble::Clap(error)) => {
            let _ = error.print();
            ExitCode::SUCCESS
        }
        Err(Trouble::Failed(failure)) => refused(&failure),
        Err(Trouble::Output(error)) => {
            let _ = writeln!(io::stderr(), "portward: The answer cannot be written: {}.", inert(&error.to_string()));
            ExitCode::from(2)
        }
    }
}

fn refused(failure: &Failure) -> ExitCode {
    if failure.kind == Kind::Cancelled {
        // As it would have ended without us.
        portward_ops::die_by(requested_end().unwrap_or(TERMINATED));
    }
    let hint = failure.hint.as_ref().map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
    let _ = write!(io::stderr(), "portward: {}\n{hint}", inert(&failure.message));
    ExitCode::from(if failure.kind == Kind::NotStarted { 125 } else { 2 })
}

/// What ends a run early.
pub(crate) enum Trouble {
    /// Whoever read the answer has closed the pipe; `list | head` is no error.
    ReaderGone,
    /// The words make no sense, or ask for help.
    Clap(clap::Error),
    /// The capability could not do it.
    Failed(Failure),
    /// The answer could not be written.
    Output(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::ReaderGone } else { Self::Output(error) }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<clap::Error> for Trouble {
    fn from(error: clap::Error) -> Self {
        Self::Clap(error)
    }
}

fn act(arguments: Vec<OsString>) -> Result<ExitCode, Trouble> {
    let typed = arguments.clone();
    let mut arguments = words::with_verb(options_after_command(arguments));
    let first = arguments.get(1).and_then(|word| word.to_str()).unwrap_or_default().to_owned();
    if let Some(face) = FACES.iter().find(|face| face.name() == first) {
        return face.run(&face.command().try_get_matches_from(arguments.split_off(1))?, &typed);
    }
    match first.as_str() {
        "schema" | "completions" | "gen" | "help" | "--help" | "-h" | "--version" | "-V" => companion(arguments),
        "complete" => complete::answer(&arguments.split_off(2)),
        _ => {
            if let Some(meant) = misspelt(&first) {
                let failure =
                    Failure::usage(format!("`{}` is no command of Portward.", portward_model::Text::from(first.as_str())));
                return Err(failure
                    .hint(hint!("portward {}    or name:{} to look for a process of that name", meant, first))
                    .into());
            }
            // Without a command the words are filters: `portward 3000` is `portward list 3000`.
            let list = FACES.first().ok_or_else(|| Failure::system("This build has no commands."))?;
            let words = std::iter::once(OsString::from("portward")).chain(arguments.into_iter().skip(1));
            list.run(&list.command().try_get_matches_from(words)?, &typed)
        }
    }
}

/// Lets options that every command has stand before the command too: `portward --json explain 3000`.
fn options_after_command(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let mut at = 1;
    while let Some(word) = arguments.get(at).and_then(|word| word.to_str()) {
        at += match word {
            "--json" | "--ndjson" => 1,
            "--from" | "--host" | "--color" => 2,
            word if ["--from=", "--host=", "--color="].iter().any(|start| word.starts_with(start)) => 1,
            _ => break,
        };
    }
    if at < arguments.len()
        && at > 1
        && arguments.get(at).and_then(|word| word.to_str()).is_some_and(|word| !word.starts_with('-'))
    {
        arguments.get_mut(1..=at).unwrap_or_default().rotate_right(1);
    }
    arguments
}

/// The commands beside the capabilities, for which the whole tree is built.
fn companion(arguments: Vec<OsString>) -> Result<ExitCode, Trouble> {
    let matches = command().try_get_matches_from(arguments)?;
    match matches.subcommand() {
        Some(("schema", matches)) => schema::print(matches.get_one::<String>("name").map(String::as_str)),
        Some(("completions", matches)) => {
            complete::script(matches.get_one::<String>("shell").map(String::as_str).unwrap_or_default())
        }
        Some(("gen", matches)) => generate::all(matches.get_one::<std::path::PathBuf>("dir").map(std::path::PathBuf::as_path)),
        _ => Err(command().error(clap::error::ErrorKind::InvalidSubcommand, "there is no such command").into()),
    }
}

/// The name of a capability that a word comes close to: one letter changed, left out, added, or two swapped.
fn misspelt(word: &str) -> Option<&'static str> {
    if word.len() < 3 || !word.bytes().all(|b| b.is_ascii_lowercase()) {
        return None;
    }
    let names = FACES.iter().map(Face::name).chain(["schema", "completions"]);
    names.into_iter().find(|name| name.len() > 3 && is_near(word, name))
}

fn is_near(word: &str, name: &str) -> bool {
    // Short names of programs differ by a letter from ours, as nest and next do. Two that are swapped are two.
    let changed = || word.len() == name.len() && word.bytes().zip(name.bytes()).filter(|(own, other)| own != other).count() == 1;
    distance(word, name) == 1 && (word.len() > 4 || !changed())
}

/// The whole command line, for help, man pages and completions.
pub(crate) fn command() -> Command {
    let mut command = Command::new("portward")
        .version(env!("CARGO_PKG_VERSION"))
        .about("See every endpoint of this machine: what it is, who holds it, who can reach it")
        .long_about(
            "See every endpoint of this machine: what it is, who holds it, who can reach it.\n\n\
             Without a command, `portward [FILTER]...` is `portward list [FILTER]...`.\n\n\
             Every command takes --json, --ndjson and --color; those that only read take --from FILE, a \
             snapshot, and --host USER@SERVER, another machine over ssh.",
        )
        .subcommand_required(true)
        .disable_help_subcommand(false);
    for face in FACES {
        command = command.subcommand(face.command());
    }
    let name = Arg::new("name").value_name("NAME").help("A command; without one, all names are listed");
    let shell = Arg::new("shell").value_name("SHELL").required(true).value_parser(complete::SHELLS.to_vec()).help("The shell");
    let directory =
        Arg::new("dir").value_name("DIR").required(true).value_parser(clap::value_parser!(std::path::PathBuf)).help("Where to");
    command
        .subcommand(Command::new("schema").about("Print the JSON schema of a command's answer").arg(name))
        .subcommand(Command::new("completions").about("Print the completion script for a shell").arg(shell))
        .subcommand(Command::new("gen").about("Write reference, schemas, man pages and completions").hide(true).arg(directory))
}

/// A capability as the terminal sees it.
pub(crate) struct Verb {
    /// Its name.
    pub(crate) name: &'static str,
    pub(crate) arguments: fn() -> Command,
    pub(crate) effect: Effect,
    pub(crate) home: Home,
    pub(crate) examples: &'static [(&'static str, &'static str)],
    run: fn(&ArgMatches, &[OsString]) -> Result<ExitCode, Trouble>,
}

impl Verb {
    const fn of<O: Op>() -> Self
    where
        O::Output: Show,
        O::Item: Show,
    {
        Self {
            name: O::NAME,
            arguments: || O::augment_args(Command::new(O::NAME)),
            effect: O::EFFECT,
            home: O::HOME,
            examples: O::EXAMPLES,
            run: run_op::<O>,
        }
    }

    /// The verb of its name; the noun where it has none.
    pub(crate) fn word(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, verb)| verb)
    }
}

/// What is typed first, with its verbs.
pub(crate) struct Face {
    pub(crate) noun: fn() -> Command,
    pub(crate) verbs: &'static [Verb],
}

impl Face {
    /// The noun.
    pub(crate) fn name(&self) -> &'static str {
        let name = self.verbs.first().map_or("", |verb| verb.name);
        name.split_once('.').map_or(name, |(noun, _)| noun)
    }

    fn run(&self, matches: &ArgMatches, typed: &[OsString]) -> Result<ExitCode, Trouble> {
        (words::choose(self, matches)?.run)(matches, typed)
    }

    /// Its command with the options that every command has.
    pub(crate) fn command(&self) -> Command {
        let examples = self.verbs.iter().flat_map(|verb| verb.examples);
        let examples: Vec<String> = examples.map(|(line, answer)| format!("  {line}\n      {answer}")).collect();
        let command = words::arguments(self)
            .name(self.name())
            .bin_name(format!("portward {}", self.name()))
            .after_long_help(format!("Examples:\n{}", examples.join("\n")));
        let command = Everywhere::augment_args(command);
        let is_read_elsewhere = self.verbs.iter().any(|verb| verb.home == Home::Anywhere);
        if is_read_elsewhere { Elsewhere::augment_args(command) } else { command }
    }
}

// Options that every command has. What stands here in a comment of three strokes would be each command's help.
#[derive(Args)]
struct Everywhere {
    /// Answer with one JSON document, or one per line where it streams
    #[arg(long)]
    json: bool,
    /// Answer with one JSON document per line
    #[arg(long, conflicts_with = "json")]
    ndjson: bool,
    /// Colour: auto, always or never
    #[arg(long, value_name = "WHEN", value_parser = ["auto", "always", "never"], default_value = "auto", hide_possible_values = true)]
    color: String,
}

// Options of those that a snapshot will do for.
#[derive(Args)]
struct Elsewhere {
    /// Read a snapshot file instead of this machine; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "host")]
    from: Option<String>,
    /// Read another machine over ssh; Portward must be there too
    #[arg(long, value_name = "USER@SERVER")]
    host: Option<String>,
}

macro_rules! faces {
    ($($module:ident $noun:ident: $($verb:ident)+,)*) => {
        /// Every capability with its text, from the one list of capabilities.
        pub(crate) static FACES: &[Face] = &[$(Face {
            noun: || portward_ops::op::$module::$noun::augment_args(Command::new(stringify!($module))),
            verbs: &[$(Verb::of::<portward_ops::op::$module::$verb>()),+],
        }),*];
    };
}

portward_ops::every_op!(faces);

fn run_op<O: Op>(matches: &ArgMatches, typed: &[OsString]) -> Result<ExitCode, Trouble>
where
    O::Output: Show,
    O::Item: Show,
{
    let op = O::from_arg_matches(matches)?;
    let source = source::of(matches)?;
    let style = Style::of(matches);
    let (caller, cancel) = (this_caller(), Cancel::default());
    // What runs a program here ends as that program does, which the terminal's signals reach as well.
    if O::ENDS_IN_ORDER {
        on_requests_to_end(cancel.flags());
    } else if O::HOME != Home::Caller {
        on_request_to_end(cancel.flag());
    }
    let door =
        Door { machine: source.machine(), own: Some(caller.process), clock: &SystemClock, cancel: &cancel, prompt: &Terminal };
    let colour = matches.get_one::<String>("color").map(String::as_str);
    let mut screen = if O::YIELDS_STDOUT { Screen::beside_a_program(colour) } else { Screen::stdout(colour) }
        .after(typed, source.is_elsewhere());
    let mut trouble = None;
    let mut streamed = false;
    let output = {
        let mut take = |item: O::Item| {
            streamed = true;
            match style.print(&item, &mut screen).and_then(|()| screen.flush()) {
                Ok(()) => true,
                Err(error) => {
                    // What nobody takes at once is counted by who said it, and ends nothing.
                    if error.kind() != io::ErrorKind::WouldBlock || !O::YIELDS_STDOUT {
                        trouble = Some(error);
                    }
                    false
                }
            }
        };
        perform(op, &caller, &door, &mut Sink::new(&mut take))?
    };
    screen.wait();
    if let Some(error) = trouble {
        return Err(error.into());
    }
    let is_stream = TypeId::of::<O::Item>() != TypeId::of::<Never>();
    let repeats = TypeId::of::<O::Item>() == TypeId::of::<O::Output>();
    // What is repeated has been shown, but for how a program ended; the end of a stream is for people, and no document of the
    // stream's shape.
    let ends = if repeats { !streamed || O::YIELDS_STDOUT } else { !is_stream || style == Style::Text };
    if ends {
        if let Some(failure) = output.refuse() {
            return Err(failure.into());
        }
        style.print(&output, &mut screen)?;
    }
    screen.flush()?;
    // Ends where it stands: the kernel takes back tens of thousands of sockets at once, destructors one by one.
    std::process::exit(match output.exit() {
        Exit::Fine => 0,
        Exit::Found => 1,
        Exit::Program(code) => i32::from(code),
        Exit::Killed(signal) => portward_ops::die_by(signal),
    })
}

/// How an answer is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Text,
    Json,
    Lines,
}

impl Style {
    fn of(matches: &ArgMatches) -> Self {
        if matches.get_flag("ndjson") {
            Self::Lines
        } else if matches.get_flag("json") {
            Self::Json
        } else {
            Self::Text
        }
    }

    fn print<T: Noun + Show>(self, noun: &T, screen: &mut Screen) -> io::Result<()> {
        #[cfg(debug_assertions)]
        crate::reread::reads_the_same(noun);
        match self {
            Self::Text => noun.show(screen),
            Self::Json => {
                write_json(&Document::new(noun), screen.out())?;
                screen.out().write_all(b"\n")
            }
            Self::Lines => noun.each_line(&mut |line| {
                line.write(screen.out())?;
                screen.out().write_all(b"\n")
            }),
        }
    }
}

/// `SIGTERM`, for a request to end that came without a signal.
const TERMINATED: i32 = 15;

#[cfg(test)]
mod tests {
    use super::{command, is_near};

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn near_words() {
        for (word, name) in
            [("explan", "explain"), ("lsit", "list"), ("snapshots", "snapshot"), ("wiat", "wait"), ("grahp", "graph")]
        {
            assert!(is_near(word, name), "{word}");
        }
        for (word, name) in [("nest", "next"), ("node", "open"), ("vite", "wait"), ("list", "list"), ("postgres", "snapshot")] {
            assert!(!is_near(word, name), "{word}");
        }
    }
}
