//! What programs believe, by having each connect to servers of ours.

use std::{ffi::OsString, sync::Arc};

use portward_keeper::{Authority, Witness, authority_folder, authority_there, with_anchor};
use portward_model::Text;
use portward_sys::trusting::{
    self,
    verifiers::{self, Question, Verdict, Verifier},
};

use super::{
    document::{Authorities, Opinion, TriedVerifier, TrustAnswer, Trusted},
    told,
};
use crate::{Context, Dials, Failure};

pub(super) fn all(cx: &Context<'_, Dials>) -> Result<TrustAnswer, Failure> {
    let Some((authority, signed)) = authority_there(cx)? else {
        return Ok(answer(Vec::new(), Vec::new()));
    };
    let folder = authority_folder(cx.caller);
    let outside: Vec<(OsString, OsString)> = portward_session::environment()
        .into_iter()
        .filter(|(name, _)| !name.to_string_lossy().starts_with("PORTWARD_"))
        .collect();
    let variables = with_anchor(&authority, &signed, |anchor| trusting::variables(&folder, anchor)).unwrap_or_default();
    let lacks = |name: &OsString| !outside.iter().any(|(own, value)| own == name && !value.is_empty());
    let set: Vec<_> = variables.into_iter().filter(|(name, _)| signed.trusted && lacks(name)).collect();
    let inside = [outside.clone(), set.clone()].concat();
    let witness = witness(&authority)?;
    let question =
        |name, environment| Question { name, port: witness.port(), answer: Witness::ANSWER, environment, folder: &folder };
    let mut tried = Vec::new();
    for verifier in verifiers::all() {
        cx.still_wanted()?;
        cx.prompt.progress(&format!("{} is asked.", verifier.name));
        let said = verifier.ask(&question(LOCAL, &outside));
        let within = (!set.is_empty()).then(|| verifier.ask(&question(LOCAL, &inside)));
        let foreign = verifier.ask(&question(FOREIGN, &inside));
        tried.push(one(&verifier, &said, within.as_ref(), &foreign));
    }
    Ok(answer(vec![told(&authority, &signed)], tried))
}

fn answer(authorities: Vec<Authorities>, verifiers: Vec<TriedVerifier>) -> TrustAnswer {
    TrustAnswer { asked: Trusted::Check, authorities, steps: Vec::new(), verifiers, gaps: Vec::new() }
}

fn witness(authority: &Arc<Authority>) -> Result<Witness, Failure> {
    let config = Arc::clone(authority).trial(&[FOREIGN]);
    let started = config.map_err(std::io::Error::other).and_then(Witness::start);
    started.map_err(|error| Failure::system(format!("No server can be started to be tried: {error}.")))
}

fn one(verifier: &Verifier, outside: &Verdict, inside: Option<&Verdict>, foreign: &Verdict) -> TriedVerifier {
    let why = match outside {
        Verdict::Accepted => None,
        Verdict::Refused(why) | Verdict::Unknown(why) => Some(Text::from(why.as_str())),
    };
    let name = verifier.name.to_owned();
    TriedVerifier { name, outside: opinion(outside), inside: inside.map(opinion), foreign: opinion(foreign), why }
}

fn opinion(verdict: &Verdict) -> Opinion {
    match verdict {
        Verdict::Accepted => Opinion::Accepts,
        Verdict::Refused(_) => Opinion::Refuses,
        Verdict::Unknown(_) => Opinion::Unknown,
    }
}

const LOCAL: &str = "localhost";
/// A name that is not this machine's.
const FOREIGN: &str = "example.com";
