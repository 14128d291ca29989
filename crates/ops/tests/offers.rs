//! What causes offer is there: each call of an operation that any scene of any cause makes.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // Tests make the machine that they look at.
use portward_checks::offered;
use portward_model::Means;
use portward_ops::{OPS, Op, every_op};
use serde_json::Value;

/// The input as the operation reads it, with its defaults.
fn read(operation: &str, input: Value) -> Result<Value, String> {
    macro_rules! by_name {
        ($($module:ident $noun:ident: $($op:ident)+,)*) => {
            match operation {
                $($(<portward_ops::op::$module::$op as Op>::NAME => {
                    let read = serde_json::from_value::<portward_ops::op::$module::$op>(input);
                    let read = read.map_err(|error| error.to_string())?;
                    serde_json::to_value(read).map_err(|error| error.to_string())
                })+)*
                _ => Err("there is no such operation".to_owned()),
            }
        };
    }
    every_op!(by_name)
}

/// The words of a command line; single quotes hold blanks together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().expect("a word").push(letter),
        }
    }
    words
}

#[test]
fn every_call_that_a_cause_offers_is_one_of_an_operation() {
    let mut calls = 0;
    for (code, remedy) in offered() {
        let Means::Operation { operation, input, command } = &remedy.means else { continue };
        calls += 1;
        let entry = OPS.iter().find(|entry| entry.name == operation).unwrap_or_else(|| panic!("{code}: no {operation}"));
        assert_eq!(remedy.effect, entry.effect, "{code}: {command}");
        let read_input = read(operation, input.clone()).unwrap_or_else(|error| panic!("{code}: {command}: {error}"));
        let typed = words(command.strip_prefix("sudo ").unwrap_or(command));
        let (verb, arguments) = match &typed.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["portward"] => ("list", Vec::new()),
            ["portward", verb, arguments @ ..] => (*verb, arguments.to_vec()),
            _ => panic!("{code}: {command}"),
        };
        assert_eq!(verb, entry.noun(), "{code}: {command}");
        let matches = (entry.command)().no_binary_name(true).try_get_matches_from(arguments);
        let matches = matches.unwrap_or_else(|error| panic!("{code}: {command}: {error}"));
        let parsed = (entry.parse)(&matches).unwrap_or_else(|error| panic!("{code}: {command}: {error}"));
        assert_eq!(parsed, read_input, "{code}: {command}");
    }
    assert!(calls > 100, "{calls}");
}

#[test]
fn what_is_no_call_types_none() {
    for (code, remedy) in offered() {
        match &remedy.means {
            Means::Operation { .. } | Means::Edit { .. } => {}
            Means::Command { command } => {
                let own = command.trim_start_matches("sudo ").starts_with("portward");
                assert!(!own, "{code}: {command} is a call");
            }
            Means::Advice { words } => assert!(!words.is_empty(), "{code}"),
        }
    }
}
