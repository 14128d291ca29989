//! Places where authorities are kept, as they are told, with the command that does what this user may not.

use std::ffi::OsString;

use portward_keeper::Past;
use portward_model::{Sentence, ShellLine, Text, plural, shell};
use portward_sys::{
    StateFolder, text_of,
    trusting::{Anchor, Holds, Refused, Store, is_trusted, system_file},
};

use super::document::{Authorities, Outcome, Step, StoreKind};
use crate::op::serve::Certified;

/// What would be done, as far as is known before there is an authority.
pub(super) fn question(stores: &[Store]) -> String {
    let count = |is: fn(&Store) -> bool| stores.iter().filter(|store| is(store)).count();
    let mut places = Vec::new();
    if count(|store| matches!(store, Store::System { .. })) > 0 {
        places.push("the system's store".to_owned());
    }
    match count(|store| matches!(store, Store::Nss { .. })) {
        0 => {}
        number => places.push(format!("{} of browsers", plural(number, "database"))),
    }
    if count(|store| matches!(store, Store::Java { .. })) > 0 {
        places.push("Java's store".to_owned());
    }
    places.push("what portward run and up tell programs".to_owned());
    let places = places.join(", ");
    format!(
        "A certificate authority of your own, which signs for localhost, names below .localhost and .test and loopback addresses alone, goes into {places}."
    )
}

pub(super) fn step(store: &Store, outcome: Outcome) -> Step {
    let (kind, place) = match store {
        Store::System { folder, .. } => (StoreKind::System, text_of(folder)),
        Store::Nss { folder, .. } => (StoreKind::Nss, text_of(folder)),
        Store::Java { keystore, keytool } => (StoreKind::Java, text_of(keystore.as_ref().unwrap_or(keytool))),
    };
    Step { kind, place, outcome, why: None, command: None }
}

pub(super) fn planned(store: &Store, held: Option<&Holds>) -> Step {
    let outcome = if held == Some(&Holds::It) { Outcome::WasDone } else { Outcome::Would };
    step(store, outcome)
}

pub(super) fn another(store: &Store, anchor: &Anchor<'_>) -> Step {
    let name = if let Store::Nss { .. } = store { anchor.name } else { anchor.alias };
    let why = format!("another certificate is there by the name `{}`, and was left alone", Text::from(name));
    Step { why: Some(why.into()), ..step(store, Outcome::CouldNot) }
}

pub(super) fn could_not(store: &Store, refused: &Refused, command: ShellLine) -> Step {
    let why: Sentence = match refused {
        Refused::NotAllowed => "root alone may write there".into(),
        Refused::Lacks(program) => {
            format!("{program} is not installed (libnss3-tools in Debian, nss-tools in Fedora, nss in Arch)").into()
        }
        Refused::Said(words) => format!("{}", Text::from(words.as_str())).into(),
    };
    Step { why: Some(why), command: Some(command), ..step(store, Outcome::CouldNot) }
}

/// The command that puts a certificate there.
pub(super) fn adding(store: &Store, anchor: &Anchor<'_>) -> ShellLine {
    let file = text_of(anchor.file);
    match store {
        Store::System { folder, ending, program, .. } => {
            let place = text_of(&system_file(folder, ending, anchor));
            shell!("sudo install -m 644 {} {} && sudo {}", file, place, text_of(program))
        }
        Store::Nss { folder, .. } => {
            shell!("certutil -A -d sql:{} -n {} -t C,, -i {}", text_of(folder), anchor.name, file)
        }
        Store::Java { keytool, .. } => shell!(
            "sudo {} -importcert -noprompt -cacerts -storepass changeit -alias {} -file {}",
            text_of(keytool),
            anchor.alias,
            file
        ),
    }
}

/// The command that removes it.
pub(super) fn removing(store: &Store, anchor: &Anchor<'_>) -> ShellLine {
    match store {
        Store::System { folder, ending, program, afresh } => {
            let place = text_of(&system_file(folder, ending, anchor));
            if let Some(afresh) = afresh {
                shell!("sudo rm {} && sudo {} {}", place, text_of(program), *afresh)
            } else {
                shell!("sudo rm {} && sudo {}", place, text_of(program))
            }
        }
        Store::Nss { folder, .. } => shell!("certutil -D -d sql:{} -n {}", text_of(folder), anchor.name),
        Store::Java { keytool, .. } => {
            shell!("sudo {} -delete -cacerts -storepass changeit -alias {}", text_of(keytool), anchor.alias)
        }
    }
}

/// The variables that programs are told.
pub(super) fn variables(told: Result<&[(OsString, OsString)], String>, before: bool) -> Step {
    let kind = StoreKind::Variables;
    match told {
        Ok(variables) => {
            let names: Vec<_> = variables.iter().map(|(name, _)| name.to_string_lossy()).collect();
            let outcome = if before { Outcome::WasDone } else { Outcome::Done };
            Step { kind, place: Text::from(names.join(", ").as_str()), outcome, why: None, command: None }
        }
        Err(why) => {
            let place = Text::from("variables of portward run and portward up");
            Step { kind, place, outcome: Outcome::CouldNot, why: Some(why.into()), command: None }
        }
    }
}

/// The authority's own key.
pub(super) fn key(folder: &StateFolder, dry_run: bool) -> Step {
    let outcome = if dry_run { Outcome::Would } else { Outcome::Done };
    Step { kind: StoreKind::Key, place: text_of(&folder.path), outcome, why: None, command: None }
}

pub(super) fn authority(folder: &StateFolder, past: &Past) -> Authorities {
    let certified = Certified {
        certificate: text_of(&folder.file(&past.file)),
        fingerprint: past.fingerprint.clone(),
        trusted: is_trusted(folder, &past.fingerprint),
        made: false,
        anew: None,
    };
    Authorities { name: Text::from(past.name.as_str()), certified }
}
