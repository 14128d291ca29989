//! The verdict of a case: every cause, best first, and what was ruled out.

use std::cmp::Reverse;

use portward_model::{Evidence, Finding, Likelihood, Sentence};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Case, Standing, health::healthy, precedence::Told};
use crate::{
    case::words,
    cause::{Cause, Family, GROUPS, every_cause},
    check::{Check, Ruling},
    offer::read_page,
};

/// What became of the question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is wrong, and a reading shows it.
    Healthy,
    /// A cause was found.
    Fault,
    /// Neither could be shown.
    #[default]
    Unknown,
}

/// The answer to a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// What became of the question.
    pub verdict: Verdict,
    /// The answer in one sentence.
    pub summary: Sentence,
    /// The causes, best first.
    pub causes: Vec<Finding>,
    /// What was ruled out, in the order of inquiry.
    pub ruled_out: Vec<Finding>,
    /// The readings that show health, where the verdict is that nothing is wrong.
    pub healthy: Vec<Evidence>,
}

/// Every cause of a case, best first.
pub fn diagnose(case: &Case<'_>) -> Diagnosis {
    let mut found: Vec<Told> = Vec::new();
    let mut ruled_out = Vec::new();
    for (family, cause) in GROUPS.iter().flat_map(|(family, causes)| causes.iter().map(move |cause| (*family, cause))) {
        // Empty tables that could not be read must not be taken for an empty machine; a text speaks for itself.
        if case.is_blind() && family != Family::Spoken {
            continue;
        }
        match cause.run(case) {
            Ruling::Found(told) => found.push(Told::new(told)),
            Ruling::Out(because) => ruled_out.push(Finding::ruled_out(cause.code, cause.summary, because)),
            Ruling::Silent => {}
        }
    }
    let bind = case.bind.filter(|_| case.listens()).map(|answer| answer.causes.as_slice()).unwrap_or_default();
    for cause in bind {
        if !found.iter().any(|told| told.finding.code == cause.code) {
            found.push(Told::new(cause.clone()));
        }
    }
    let explained: Vec<bool> = found.iter().map(|told| found.iter().any(|other| other.explains(told))).collect();
    let mut explained = explained.into_iter();
    found.retain(|_| explained.next() == Some(false));
    found.sort_by_key(Told::order);
    let mut causes: Vec<Finding> = found.into_iter().map(|told| told.finding).collect();
    let healthy = healthy(case);
    if causes.is_empty() && healthy.is_empty() {
        causes.extend(spoken(case, &ruled_out));
    }
    ruled_out.retain(|out| !causes.iter().any(|cause| cause.code == out.code));
    let verdict = verdict(case, &causes, &healthy);
    let summary = summary(case, verdict, &causes, &healthy);
    Diagnosis { verdict, summary, causes, ruled_out, healthy: if verdict == Verdict::Healthy { healthy } else { Vec::new() } }
}

/// The cause that the text alone names, where nothing that was seen says more, or that it is not so.
fn spoken(case: &Case<'_>, ruled_out: &[Finding]) -> Option<Finding> {
    let paste = case.paste?;
    let named = every_cause().find(|cause| paste.says == Some(cause.code))?;
    // What is not so now may have been so then.
    let denied = ruled_out.iter().any(|out| out.code == named.code);
    let now = if denied { "; nothing of it is to be seen now" } else { "" };
    let likelihood = if denied { Likelihood::Possible } else { Likelihood::Likely };
    let summary = format!("The text says it: {}{now}.", named.summary);
    Some(Finding::new(named.code, likelihood, summary, vec![words::text_line(paste)], vec![read_page(named.code)]))
}

/// True when a cause of this kind is certain by what was read so far.
pub(super) fn is_certain(case: &Case<'_>, family: Family) -> bool {
    let certain = |cause: &Cause| cause.run(case).found().is_some_and(|found| found.likelihood == Likelihood::Certain);
    family.causes().any(certain)
}

/// True when one of these causes is at least likely by what was read so far.
pub(super) fn rules_in(case: &Case<'_>, codes: &[&str]) -> bool {
    let found = |cause: &Cause| cause.run(case).found().is_some_and(|found| found.likelihood <= Likelihood::Likely);
    every_cause().filter(|cause| codes.contains(&cause.code)).any(found)
}

fn verdict(case: &Case<'_>, causes: &[Finding], healthy: &[Evidence]) -> Verdict {
    let surest = causes.iter().map(|cause| cause.likelihood).min_by_key(|likelihood| Reverse(Reverse(*likelihood)));
    match surest {
        Some(Likelihood::Certain | Likelihood::Likely) => Verdict::Fault,
        // What is merely possible accuses nobody where nothing was seen or said to fail.
        // So it is where a connection goes well, and only its place may be another one.
        Some(Likelihood::Possible) if matches!(case.standing(), Standing::Connected(_)) => Verdict::Unknown,
        Some(Likelihood::Possible) if case.symptom().is_some() || case.fails_to_connect() || case.listens() => Verdict::Fault,
        Some(Likelihood::Possible) => Verdict::Unknown,
        None if healthy.is_empty() => Verdict::Unknown,
        None => Verdict::Healthy,
    }
}

fn summary(case: &Case<'_>, verdict: Verdict, causes: &[Finding], healthy: &[Evidence]) -> Sentence {
    let text = &case.asked.text;
    let words = match (verdict, causes.first()) {
        (Verdict::Fault, Some(first)) => return first.summary.clone(),
        (Verdict::Healthy, _) if case.listens() => format!("Nothing is in the way of a bind to {text}."),
        (Verdict::Healthy, _) => {
            let who = case.served().first().map(|(index, socket)| words::whom(case, *index, socket));
            let who = who.unwrap_or_else(|| "What serves it".to_owned());
            let how = healthy.get(1).map_or("listens, and nothing is in its way", |_| "listens and answers");
            format!("{text} is healthy: {who} {how}.")
        }
        (_, _) if case.is_blind() => format!("{text} could not be examined: the sockets of this machine cannot be read."),
        (_, _) if case.asked.is_nowhere() => "Nothing of this machine was named that could be examined.".to_owned(),
        (_, _) if case.listens() => format!("Why a bind to {text} fails could not be shown."),
        (_, _) if matches!(case.standing(), Standing::Connected(_)) && case.symptom().is_some() => {
            let symptom = case.symptom().map_or("an error", crate::Symptom::words);
            format!(
                "{text} accepts connections now; what the text reports ({symptom}) could be neither met again nor shown to be over."
            )
        }
        (_, _) => format!("What is wrong with {text} could not be shown."),
    };
    words.into()
}

#[cfg(test)]
mod tests {
    use portward_model::{BindTry, Declined, Finding, Gap, Lack, Likelihood, Need, NetworkSettings};

    use super::{Verdict, diagnose};
    use crate::{
        UNEXPLAINED,
        case::scene::Scene,
        fixture::{listener, machine, world},
    };

    #[test]
    fn a_reader_that_cannot_see_its_own_users_process_shows_no_health() {
        let declined = Declined { what: "a connection".into(), because: "its owner is hidden".into(), on_demand: true };
        let mut snapshot = world(vec![listener("127.0.0.1", 40000)], Vec::new(), Vec::new());
        let asked = |snapshot| Scene::on(snapshot, "127.0.0.1:40000").but(|scene| scene.exam.declined.push(declined.clone()));
        assert_eq!(diagnose(&asked(snapshot.clone()).case()).verdict, Verdict::Unknown);
        snapshot.sockets[0].uid = 33;
        assert_eq!(diagnose(&asked(snapshot).case()).verdict, Verdict::Healthy);
    }

    #[test]
    fn tables_that_could_not_be_read_show_neither_health_nor_absence() {
        let gap = Gap { lack: Lack::Sockets, need: Need::Platform, error: None };
        for target in ["127.0.0.1:3000", "[::1]:3000"] {
            let scene = Scene::connect(target).but(|scene| scene.snapshot.gaps.push(gap.clone()));
            let diagnosis = diagnose(&scene.case());
            assert_eq!((diagnosis.verdict, diagnosis.causes), (Verdict::Unknown, Vec::new()), "{target}");
            assert!(diagnosis.summary.to_string().contains("cannot be read"), "{}", diagnosis.summary);
        }
        assert_eq!(diagnose(&Scene::connect("127.0.0.1:3000").case()).causes[0].code, "no-listener");
    }

    #[test]
    fn the_unexplained_is_told_only_where_nothing_explains_it() {
        let refused = |wsl| {
            let mut scene = Scene::listen(machine(), "127.0.0.1:3000", true);
            scene.exam.network = Some(NetworkSettings { wsl, ..NetworkSettings::default() });
            scene.exam.tries.push(BindTry { at: "127.0.0.1:3000".parse().unwrap(), reuse: true, failed: Some(98) });
            let summary = "The kernel refuses the bind.";
            let cause = Finding::new(UNEXPLAINED, Likelihood::Certain, summary, Vec::new(), Vec::new());
            scene.bind.as_mut().unwrap().causes.push(cause);
            diagnose(&scene.case()).causes.into_iter().map(|cause| cause.code).collect::<Vec<_>>()
        };
        assert_eq!(refused(false), [UNEXPLAINED]);
        assert_eq!(refused(true), ["wsl-host-holds"]);
    }
}
