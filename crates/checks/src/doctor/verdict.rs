//! The verdict of a case: every cause, best first, and what was ruled out.

use std::cmp::Reverse;

use portward_model::{Ended, Evidence, Finding, Likelihood, Said, Sentence, Socket, Transport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Asking, Case, Standing, precedence::Told};
use crate::{
    Symptom,
    case::{talk, words},
    cause::{Cause, Family, GROUPS, every_cause},
    check::{Check, Ruling},
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
    let causes: Vec<Finding> = found.into_iter().map(|told| told.finding).collect();
    ruled_out.retain(|out| !causes.iter().any(|cause| cause.code == out.code));
    let healthy = healthy(case);
    let verdict = verdict(case, &causes, &healthy);
    let summary = summary(case, verdict, &causes, &healthy);
    Diagnosis { verdict, summary, causes, ruled_out, healthy: if verdict == Verdict::Healthy { healthy } else { Vec::new() } }
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
        Some(Likelihood::Possible) if case.symptom().is_some() || case.fails_to_connect() || case.listens() => Verdict::Fault,
        Some(Likelihood::Possible) => Verdict::Unknown,
        None if healthy.is_empty() => Verdict::Unknown,
        None => Verdict::Healthy,
    }
}

/// The readings that show that the endpoint does what was asked of it; empty when none does.
fn healthy(case: &Case<'_>) -> Vec<Evidence> {
    match case.asked.asking {
        Asking::Listen => {
            let failed = case.exam.tries.iter().any(|tried| tried.failed.is_some());
            let Some(answer) = case.bind.filter(|answer| answer.possible() == Some(true) && !failed) else { return Vec::new() };
            let mut facts = vec![Evidence::new("the kernel's rules", answer.sentence().trim_end_matches('.').to_owned())];
            facts.extend(case.exam.tries.iter().map(|tried| {
                let with = if tried.reuse { "with" } else { "without" };
                Evidence::new("bind(2)", format!("{} bound on a throw-away socket {with} SO_REUSEADDR", tried.at))
            }));
            facts
        }
        Asking::Connect => match case.standing() {
            Standing::Connected(attempt) => {
                let answered = attempt.exchange.as_ref().is_none_or(|exchange| {
                    // An alert in answer to a ClientHello is a refusal (RFC 8446 section 6.2).
                    let alert = exchange.said == Said::Tls && exchange.heard.raw().first() == Some(&21);
                    let spoke = !exchange.heard.raw().is_empty() && !alert;
                    spoke || (exchange.said == Said::Nothing && exchange.ended == Ended::Silence)
                });
                if !answered
                    || attempt.accepted == Some(false)
                    || leaves_its_client(case)
                    || is_doubted(case, attempt)
                    || may_be_two(case)
                {
                    return Vec::new();
                }
                let mut facts = vec![words::tried(attempt)];
                if let Some(exchange) = attempt.exchange.as_ref().filter(|exchange| !exchange.heard.raw().is_empty()) {
                    let fact = format!("it answered {} in {} ms", words::said_words(exchange.said), exchange.first_ms);
                    facts.push(Evidence::new("read(2)", fact));
                }
                facts
            }
            // What must not be touched is judged by what the kernel tells: it listens and nothing is in its way.
            Standing::Untried if !case.exam.declined.is_empty() && !is_flagged(case) && !told_to_hang(case) => {
                case.served().iter().map(|(index, socket)| words::seen(case, *index, socket)).collect()
            }
            Standing::Untried | Standing::Refused(_) | Standing::Silent(_) | Standing::Failed(..) => Vec::new(),
        },
    }
}

/// True when the server left a conversation of the client's own kind, whatever it says to others.
fn leaves_its_client(case: &Case<'_>) -> bool {
    let plain = talk::client(case).is_some_and(|client| client.told && !client.tls);
    let all = talk::exchanges(case);
    let left = |(_, exchange): &(_, &portward_model::Exchange)| talk::left(exchange);
    plain
        && all.iter().any(|told| told.1.said != Said::Tls && left(told))
        && !all.iter().any(|told| told.1.said != Said::Tls && !left(told))
}

/// True when two listeners take the client's connections, and the owners that would tell whether they are one service are
/// hidden. Sockets that one program opened one after another have inodes close to each other.
fn may_be_two(case: &Case<'_>) -> bool {
    let served = case.served();
    let hidden = |index: usize| case.holders(index).is_empty();
    let apart = |one: &Socket, other: &Socket| one.uid == other.uid && one.inode.abs_diff(other.inode) > ONE_AFTER_ANOTHER;
    let tcp = case.asked.transport == Transport::Tcp;
    let two = |(at, (index, one)): (usize, &(usize, &Socket))| {
        let mut rest = served.iter().skip(at + 1);
        rest.any(|(other_index, other)| (hidden(*index) || hidden(*other_index)) && apart(one, other))
    };
    tcp && served.iter().enumerate().any(two)
}

/// Inodes that a program takes between two listeners that it opens in one go.
const ONE_AFTER_ANOTHER: u64 = 16;

/// True when the text tells of a hang and this connection was not used to ask anything.
fn is_doubted(case: &Case<'_>, attempt: &portward_model::Attempt) -> bool {
    told_to_hang(case) && attempt.exchange.is_none()
}

/// True when the text says that the connection was made and no answer came.
fn told_to_hang(case: &Case<'_>) -> bool {
    matches!(case.symptom(), Some(Symptom::NoAnswer | Symptom::EmptyReply | Symptom::Reset))
}

/// True when what was seen without connecting is no sign of health.
fn is_flagged(case: &Case<'_>) -> bool {
    let full = case.served().iter().any(|(_, socket)| socket.queue.used > socket.queue.limit);
    let halted = case
        .serving_processes()
        .iter()
        .any(|(process, vitals)| Case::is_halted(process) || vitals.is_some_and(|vitals| vitals.frozen == Some(true)));
    // A reader that cannot see its own user's process is confined, and may be denied the connection as well.
    let uid = case.snapshot.host.uid;
    let confined =
        case.served().iter().any(|(index, socket)| case.snapshot.holders(*index).is_empty() && (socket.uid == uid || uid == 0));
    let unread = case.served().iter().any(|(index, _)| case.is_owner_unread(*index));
    // Whether a process is frozen stands in its vitals alone.
    let unexamined = case.serving_processes().iter().any(|(_, vitals)| vitals.is_none());
    full || halted || confined || unread || unexamined
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
        (_, _) if case.listens() => format!("Why a bind to {text} fails could not be shown."),
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
        let declined = Declined { what: "a connection".into(), because: "its owner is hidden".into() };
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
