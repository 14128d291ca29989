//! From the words that are typed to an operation: which verb of a noun they mean, and whether all of them belong to it.
//!
//! Most verbs are a word: `lease take`. Some are chosen by what else is said: `doctor --fix`, `front PROJECT`. A noun
//! without either means its first verb. The command of a noun takes what any of its verbs takes, so that there is one page of
//! help for each noun; what does not go together is refused here, by the declarations alone.

use clap::{
    Arg, ArgAction, ArgMatches, Command,
    builder::{PossibleValue, PossibleValuesParser},
    parser::ValueSource,
};
use portward_ops::{Effect, Failure};

use std::ffi::OsString;

use crate::cli::{FACES, Face, Verb};

/// Verbs that are chosen by options or arguments, all of which are given. Where several fit, the first one is meant.
const CHOSEN_BY: &[(&str, &[&str])] = &[
    ("check.fix", &["fix"]),
    ("doctor.all", &["all"]),
    ("doctor.as", &["as"]),
    ("doctor.watch", &["watch"]),
    ("doctor.fix", &["fix"]),
    ("front.off", &["off"]),
    ("front.low", &["project", "low"]),
    ("front.give", &["project"]),
    ("port.run", &["command", "free"]),
    ("snapshot.write", &["out"]),
    ("snapshot.record", &["for"]),
    ("trust.check", &["check"]),
    ("trust.remove", &["remove"]),
    ("up.apart", &["detach"]),
    ("wait.run", &["command"]),
    ("wait.while", &["while"]),
];

/// Puts in the verb of a noun whose argument is mostly typed right behind it: `forward 3000` is `forward start 3000`.
pub(crate) fn with_verb(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let noun = arguments.get(1).and_then(|word| word.to_str());
    let left_out = noun.and_then(|noun| VERB_LEFT_OUT.iter().find(|(own, _)| *own == noun));
    let Some((face, verb)) = left_out.and_then(|(own, verb)| Some((FACES.iter().find(|face| face.name() == *own)?, verb))) else {
        return arguments;
    };
    let named = arguments.iter().skip(2).filter_map(|word| word.to_str()).find(|word| !word.starts_with('-'));
    let is_verb = named.is_none_or(|named| face.verbs.iter().any(|verb| verb.word() == named));
    let is_help = arguments.iter().skip(2).any(|word| word == "--help" || word == "-h");
    if !is_verb && !is_help {
        arguments.insert(2, verb.into());
    }
    arguments
}

/// What chooses a verb; nothing for one that is a word.
fn signs(verb: &Verb) -> &'static [&'static str] {
    CHOSEN_BY.iter().find(|(name, _)| *name == verb.name).map_or(&[], |(_, signs)| signs)
}

fn has_words(face: &Face) -> bool {
    face.verbs.len() > 1 && face.verbs.iter().all(|verb| signs(verb).is_empty())
}

/// True where what is named comes before what is done with it: `service db reset`.
fn is_named_first(face: &Face) -> bool {
    NAMED_FIRST.contains(&face.name())
}

/// The arguments of a noun: those of its verbs, with what chooses among them.
pub(crate) fn arguments(face: &Face) -> Command {
    let mut command = (face.noun)();
    if face.verbs.len() < 2 {
        return command;
    }
    if has_words(face) {
        let about = |verb: &Verb| (verb.arguments)().get_about().map(ToString::to_string).unwrap_or_default();
        let words: Vec<PossibleValue> = face.verbs.iter().map(|verb| PossibleValue::new(verb.word()).help(about(verb))).collect();
        let first = face.verbs.first().map_or("", Verb::word);
        let own = face.verbs.first().map(|verb| (verb.arguments)());
        let name = own.as_ref().filter(|_| is_named_first(face)).and_then(|own| own.get_positionals().next());
        command = name.into_iter().fold(command, |command, name| command.arg(name.clone()));
        let action = Arg::new(ACTION).value_name("ACTION").value_parser(PossibleValuesParser::new(words));
        command = command.arg(action.default_value(first).help("What to do"));
    }
    for verb in face.verbs {
        let own = (verb.arguments)();
        for sign in signs(verb).iter().filter(|sign| !takes(&own, sign)) {
            if !takes(&command, sign) {
                let help = own.get_about().cloned().unwrap_or_default();
                command = command.arg(Arg::new(*sign).long(*sign).action(ArgAction::SetTrue).help(help));
            }
        }
        for argument in own.get_arguments() {
            if !takes(&command, argument.get_id().as_str()) {
                command = command.arg(argument.clone().required(false));
            }
        }
    }
    command
}

fn takes(command: &Command, id: &str) -> bool {
    command.get_arguments().any(|argument| argument.get_id() == id)
}

/// The verb that was meant, with everything that it needs and nothing that it does not take.
pub(crate) fn choose<'f>(face: &'f Face, matches: &ArgMatches) -> Result<&'f Verb, Failure> {
    let [first, others @ ..] = face.verbs else { return Err(Failure::system("This build has no such command.")) };
    if others.is_empty() {
        return Ok(first);
    }
    let is_given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    let verb = if has_words(face) {
        let word = matches.get_one::<String>(ACTION).map(String::as_str).unwrap_or_default();
        face.verbs.iter().find(|verb| verb.word() == word)
    } else {
        let own = CHOSEN_BY.iter().filter_map(|(name, signs)| Some((face.verbs.iter().find(|verb| verb.name == *name)?, signs)));
        own.into_iter().find(|(_, signs)| signs.iter().all(|sign| is_given(sign))).map(|(verb, _)| verb)
    };
    let verb = verb.unwrap_or(first);
    let own = (verb.arguments)();
    for argument in arguments(face).get_arguments() {
        let id = argument.get_id().as_str();
        if id != ACTION && is_given(id) && !takes(&own, id) && !signs(verb).contains(&id) {
            return Err(misplaced(face, verb, argument, matches));
        }
    }
    let lacks = own.get_arguments().find(|argument| argument.is_required_set() && !is_given(argument.get_id().as_str()));
    match lacks {
        Some(argument) => {
            let what = value_name(argument).to_lowercase().replace('|', " or ");
            Err(example(Failure::usage(format!("`{}` needs the {what}.", words(face, verb))), verb))
        }
        None => Ok(verb),
    }
}

/// An argument that other verbs take.
fn misplaced(face: &Face, verb: &Verb, argument: &Arg, matches: &ArgMatches) -> Failure {
    let id = argument.get_id().as_str();
    let said = match argument.get_long() {
        Some(long) => format!("--{long}"),
        None => matches.get_raw(id).and_then(|mut values| values.next()).map_or_else(String::new, |value| {
            portward_model::Text::new(value.as_encoded_bytes()).shown().chars().take(LONGEST_WORD).collect()
        }),
    };
    let takers: Vec<&Verb> =
        face.verbs.iter().filter(|other| takes(&(other.arguments)(), id) || signs(other).contains(&id)).collect();
    let names: Vec<String> = takers.iter().map(|other| format!("`{}`", words(face, other))).collect();
    let looks = match verb.effect {
        Effect::Read => format!("; `{}` only looks", words(face, verb)),
        Effect::Change | Effect::Destroy => String::new(),
    };
    let failure = Failure::usage(format!("`{said}` goes with {} alone{looks}.", names.join(" and ")));
    match takers.first() {
        Some(taker) => example(failure, taker),
        None => failure,
    }
}

fn example(failure: Failure, verb: &Verb) -> Failure {
    match verb.examples.first() {
        Some((line, _)) => failure.hint(*line),
        None => failure,
    }
}

/// A verb as it is typed.
pub(crate) fn words(face: &Face, verb: &Verb) -> String {
    let mut words = vec![face.name().to_owned()];
    if has_words(face) {
        let own = (verb.arguments)();
        let name = own.get_positionals().next().filter(|_| is_named_first(face));
        words.extend(name.map(value_name));
        words.push(verb.word().to_owned());
    }
    let command = arguments(face);
    for argument in signs(verb).iter().filter_map(|sign| command.get_arguments().find(|argument| argument.get_id() == sign)) {
        words.push(argument.get_long().map_or_else(|| value_name(argument), |long| format!("--{long}")));
    }
    words.join(" ")
}

fn value_name(argument: &Arg) -> String {
    argument.get_value_names().and_then(|names| names.first()).map_or_else(|| argument.get_id().to_string(), ToString::to_string)
}

/// Nouns with a verb that nobody types.
const VERB_LEFT_OUT: &[(&str, &str)] = &[("forward", "start")];
/// Nouns whose first argument comes before the verb.
const NAMED_FIRST: &[&str] = &["service"];
/// The argument that names the verb.
const ACTION: &str = "action";
/// A word that is quoted is cut here.
const LONGEST_WORD: usize = 40;

#[cfg(test)]
#[path = "../tests/cli/answers/lines.rs"]
mod lines;

#[cfg(test)]
mod tests {
    use portward_ops::{Home, OPS};

    use std::ffi::OsString;

    use super::{CHOSEN_BY, arguments, choose, lines, with_verb};
    use crate::cli::FACES;

    fn meant(words: &[&str]) -> Result<&'static str, String> {
        let whole = with_verb(std::iter::once("portward").chain(words.iter().copied()).map(OsString::from).collect());
        let whole: Vec<&str> = whole.iter().skip(1).filter_map(|word| word.to_str()).collect();
        let words = whole.as_slice();
        let face = FACES.iter().find(|face| face.name() == words[0]).unwrap();
        let matches = arguments(face).try_get_matches_from(words).map_err(|error| error.to_string())?;
        choose(face, &matches).map(|verb| verb.name).map_err(|failure| failure.message)
    }

    #[test]
    fn words_mean_a_verb() {
        for (words, verb) in [
            (&["doctor", "3000"][..], "doctor.ask"),
            (&["doctor", "3000", "--fix", "--yes"], "doctor.fix"),
            (&["doctor", "--all", "--project", "shop"], "doctor.all"),
            (&["doctor", "--as", "curl localhost", "--fix", "-y"], "doctor.as"),
            (&["doctor", "3000", "--watch", "--until-broken"], "doctor.watch"),
            (&["service", "db"], "service.status"),
            (&["service", "db", "reset"], "service.reset"),
            (&["service", "save", "save", "one"], "service.save"),
            (&["lease"], "lease.list"),
            (&["lease", "take", "3000", "--name", "web"], "lease.take"),
            (&["lease", "--name", "web", "take", "3000"], "lease.take"),
            (&["guard", "pin", "3000", "-n"], "guard.pin"),
            (&["forward", "list"], "forward.list"),
            (&["forward", "remove", "8080"], "forward.remove"),
            (&["forward", "start", "3000", "8080", "--once"], "forward.start"),
            (&["front"], "front.status"),
            (&["front", "--off"], "front.off"),
            (&["front", "."], "front.give"),
            (&["front", ".", "--low", "80,443"], "front.low"),
            (&["port", "web"], "port"),
            (&["port", "--free"], "port"),
            (&["port", "--free", "--", "true"], "port.run"),
            (&["snapshot", "-o", "x"], "snapshot.write"),
            (&["snapshot", "-o", "x", "--for", "3000"], "snapshot.write"),
            (&["snapshot", "--for", "3000"], "snapshot.record"),
            (&["lab", "tour", "--all"], "lab.tour"),
            (&["wait", "3000", "-t", "5"], "wait"),
            (&["wait", "3000", "--", "true"], "wait.run"),
            (&["wait", "3000", "--while", "true"], "wait.while"),
            (&["wait", "3000", "--while", "true", "--", "true"], "wait.run"),
        ] {
            assert_eq!(meant(words).as_deref(), Ok(verb), "{words:?}");
        }
    }

    #[test]
    fn words_that_do_not_go_together() {
        for (words, said) in [
            (&["lease", "list", "3000"][..], "`3000` goes with `lease take` and `lease release` alone; `lease list` only looks."),
            (&["doctor", "3000", "--yes"], "`--yes` goes with `doctor --fix` and `doctor --as` alone; `doctor` only looks."),
            (&["lab", "start"], "`lab start` needs the name."),
            (&["guard", "pin"], "`guard pin` needs the endpoint."),
            (&["front", ".", "--off"], "`.` goes with `front PROJECT` and `front PROJECT --low` alone."),
            (&["front", "--low", "80"], "`--low` goes with `front PROJECT --low` alone."),
        ] {
            assert_eq!(meant(words), Err(said.to_owned()), "{words:?}");
        }
    }

    #[test]
    fn a_verb_that_is_left_out_is_put_in() {
        let whole = |words: &[&str]| {
            let arguments = std::iter::once("portward").chain(words.iter().copied()).map(OsString::from).collect();
            with_verb(arguments).into_iter().skip(1).map(|word| word.into_string().unwrap()).collect::<Vec<_>>().join(" ")
        };
        for (words, said) in [
            (&["forward", "3000"][..], "forward start 3000"),
            (&["forward", "--once", "3000", "8080"], "forward start --once 3000 8080"),
            (&["forward", "list", "--json"], "forward list --json"),
            (&["forward", "--json", "list"], "forward --json list"),
            (&["forward", "remove", "3000"], "forward remove 3000"),
            (&["forward", "start", "list"], "forward start list"),
            (&["forward", "--help"], "forward --help"),
            (&["forward"], "forward"),
            (&["forward", "--json"], "forward --json"),
            (&["lease", "list"], "lease list"),
        ] {
            assert_eq!(whole(words), said);
        }
    }

    #[test]
    fn what_chooses_is_there() {
        for (name, signs) in CHOSEN_BY {
            let face = FACES.iter().find(|face| face.verbs.iter().any(|verb| verb.name == *name)).expect(name);
            let command = arguments(face);
            assert!(signs.iter().all(|sign| super::takes(&command, sign)), "{name}");
        }
    }

    #[test]
    fn every_operation_answers_in_the_test_of_all_answers() {
        let meant = |lines: &[&[&str]]| lines.iter().map(|line| meant(line).expect(line[0])).collect::<Vec<_>>();
        let (live, recorded) = (meant(lines::LIVE), meant(lines::RECORDED));
        for entry in OPS {
            assert!(live.contains(&entry.name), "{} has no line in tests/cli/answers/lines.rs", entry.name);
            let is_recorded = entry.home != Home::Anywhere || recorded.contains(&entry.name);
            assert!(is_recorded, "{} has no line for a snapshot in tests/cli/answers/lines.rs", entry.name);
        }
    }
}
