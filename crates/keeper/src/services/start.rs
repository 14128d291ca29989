//! The start of a service.

use std::sync::mpsc::Sender;

use portward_model::{Caller, Text};
use portward_session::{Manner, Rules};
use portward_sys::{StateFolder, path_of};

use super::{
    Job, Log, follow,
    phase::Phase,
    process::{Cx, Event},
    unit::{Unit, program_of},
};
use crate::{
    record::KeptAs,
    runs::process_at,
    start::{Duty, Start},
};

/// Starts a service.
pub(super) fn begin(cx: Cx, (state, project): (&StateFolder, i64), unit: &mut Unit, attempt: u32, tell: Sender<Event>) {
    unit.begin(attempt, cx.now());
    if let Some(hindered) = unit.job.hindered.clone() {
        (unit.phase, unit.because, unit.contained) = (Phase::Failed, Some(hindered), false);
        return;
    }
    let log = Log::of(state, project, &unit.job.name);
    let how = if unit.attempts > 1 { format!(", for the {} time", ordinal(unit.attempts)) } else { String::new() };
    let opened = log.open(&format!("portward: {} starts{how}", Text::from(unit.job.name.as_str())));
    let fail = |unit: &mut Unit, words: String| {
        unit.phase = Phase::Failed;
        unit.crashed += 1;
        unit.because = Some(portward_model::capitalised(&format!("{words}.")).into());
    };
    let (file, from) = match opened {
        Ok(opened) => opened,
        Err(error) => return fail(unit, format!("its log cannot be written: {error}")),
    };
    (unit.log_from, unit.searched) = (from, from);
    let program = program_of(&unit.job, unit.common.to_vec());
    match start_of(cx.caller, &unit.job).alone(&program, &path_of(&unit.job.folder), file) {
        Ok(alone) => {
            unit.supervisor = process_at(cx.machine, alone.pid()).map(|process| process.id);
            follow::own(alone, (unit.job.name.clone(), attempt), tell);
            if unit.supervisor.is_none() {
                fail(unit, "its supervisor cannot be seen in /proc".to_owned());
            }
        }
        Err(error) => fail(unit, super::say::not_started(&error)),
    }
}

/// What its supervisor is told.
pub(super) fn start_of(caller: &Caller, job: &Job) -> Start {
    Start {
        caller: Caller { cwd: Some(job.root.clone()), ..caller.clone() },
        name: Some(job.name.clone()),
        duty: Duty::Guard(Rules::default(), Manner { strict: false, as_asked: job.as_asked }),
        kept: Some(KeptAs { service: job.name.clone(), is_question: false, is_container: job.compose.is_some() }),
    }
}

fn ordinal(number: u32) -> String {
    let end = match (number % 10, number % 100) {
        (1, rest) if rest != 11 => "st",
        (2, rest) if rest != 12 => "nd",
        (3, rest) if rest != 13 => "rd",
        _ => "th",
    };
    format!("{number}{end}")
}
