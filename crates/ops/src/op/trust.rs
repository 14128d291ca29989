//! `portward trust`

mod document;
mod places;
mod tried;

use std::path::PathBuf;

use clap::Args;
use portward_keeper::{Authority, Past, alias, authority, authority_folder, authority_there, with_anchor};
use portward_model::Text;
use portward_sys::{
    StateFolder, path_of,
    trusting::{self, Anchor, Holds, Store, stores},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Acts, Context, Dials, Exit, Failure, Never, Noun, Op, Sink, op::serve::Certified};
pub use document::{Authorities, Opinion, Outcome, Step, StoreKind, TriedVerifier, TrustAnswer, Trusted};

/// Have browsers and programs of this machine believe the HTTPS of your local servers
///
/// `portward serve --https` shows certificates that a certificate authority of your own signs. It is made when it is first wanted; its key
/// is readable for you alone, and its own certificate keeps it to localhost, names below .localhost and .test, and loopback addresses.
/// This puts that certificate where programs look for authorities: the system's store (as root), the databases of Firefox and of
/// what is made of Chromium (by certutil), Java's. Other programs learn of it by variables that `portward run` and `portward up` set from
/// then on, where you have not set them: `NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`.
///
/// Each step is told, with the command that does what this user may not. --check has every program connect that is installed and judges
/// certificates, and says who would believe your authority for other names, too. --remove takes back exactly what was put there.
#[derive(Args)]
pub struct Trust {}

/// Put your authority where programs look for it
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Add {
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Say what would be done, and do nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

/// Have each program connect that judges certificates, and say what it believes
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Check {}

/// Take your authority back from everywhere it was put, and throw its key away
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Remove {
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Say what would be done, and do nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

impl Noun for TrustAnswer {
    fn exit(&self) -> Exit {
        let believes = |tried: &TriedVerifier| tried.outside == Opinion::Accepts || tried.inside == Some(Opinion::Accepts);
        let fine = match self.asked {
            Trusted::Check => !self.authorities.is_empty() && self.verifiers.iter().all(believes),
            Trusted::Trust | Trusted::Look | Trusted::Remove | Trusted::LookRemove => {
                self.steps.iter().all(|step| step.outcome != Outcome::CouldNot)
            }
        };
        if fine { Exit::Fine } else { Exit::Found }
    }
}

impl Op for Add {
    declare! { "trust", Change at Machine with Acts, emits Never, answers TrustAnswer;
    "portward trust" => "what it would do, a question, and a line for each place",
    "portward trust --dry-run" => "what it would do",
    "portward trust --check" => "curl, node, java and others: what each believes",
    "portward trust --remove" => "everywhere it was put it is gone, and its key with it" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<TrustAnswer, Failure> {
        let stores = stores(home(cx).as_deref());
        let question = format!("{} Trust it?", places::question(&stores));
        if self.dry_run {
            let there = authority_there(cx)?;
            let steps = stores.iter().map(|store| {
                let held = there.as_ref().map(|(authority, signed)| with_anchor(authority, signed, |anchor| store.holds(anchor)));
                places::planned(store, held.as_ref())
            });
            let (steps, authorities) =
                (steps.collect(), there.iter().map(|(authority, signed)| told(authority, signed)).collect());
            return Ok(answer(cx, Trusted::Look, authorities, steps));
        }
        if !cx.agreed(self.yes, &question, "trusted", "portward trust --yes")? {
            return Err(Failure::cancelled());
        }
        let (authority, signed) = authority(cx)?;
        let folder = authority_folder(cx.caller);
        let mut steps = with_anchor(&authority, &signed, |anchor| put(cx, &stores, anchor))?;
        let put = steps.iter().filter(|step| matches!(step.outcome, Outcome::Done | Outcome::WasDone));
        let put: Vec<String> = put.map(|step| step.place.to_string()).collect();
        let noted = with_anchor(&authority, &signed, |anchor| {
            trusting::note(&folder, anchor, &put)?;
            trusting::variables(&folder, anchor)
        });
        steps.push(places::variables(noted.as_deref().map_err(ToString::to_string), signed.trusted));
        Ok(answer(cx, Trusted::Trust, vec![told(&authority, &signed)], steps))
    }
}

impl Op for Check {
    declare! { "trust.check", Read at Machine with Dials, emits Never, answers TrustAnswer;
    "portward trust --check" => "curl believes it; java believes it for other names, too" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Dials>, _: &mut Sink<'_, Never>) -> Result<TrustAnswer, Failure> {
        tried::all(cx)
    }
}

impl Op for Remove {
    declare! { "trust.remove", Destroy at Machine with Acts, emits Never, answers TrustAnswer;
    "portward trust --remove" => "everywhere it was put it is gone, and its key with it" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<TrustAnswer, Failure> {
        let folder = authority_folder(cx.caller);
        let (past, stores) = (Authority::all(&folder), stores(home(cx).as_deref()));
        let authorities = past.iter().map(|past| places::authority(&folder, past)).collect();
        let asked = if self.dry_run { Trusted::LookRemove } else { Trusted::Remove };
        // A key that cannot be used is thrown away, too, where no certificate tells of it.
        if past.is_empty() && folder.mark(Authority::FILE).is_none() {
            return Ok(answer(cx, asked, authorities, Vec::new()));
        }
        if !self.dry_run {
            let question = "Your certificate authority is taken back from everywhere, and its key is thrown away. Do that?";
            if !cx.agreed(self.yes, question, "removed", "portward trust --remove --yes")? {
                return Err(Failure::cancelled());
            }
        }
        let mut steps = Vec::new();
        for past in &past {
            let own = take_back(cx, &folder, past, (&stores, self.dry_run))?;
            let all_gone = own.iter().all(|step| step.outcome != Outcome::CouldNot);
            steps.extend(own);
            // Where it could not be removed everywhere, what it is stays known, so that it can be the next time.
            if !self.dry_run {
                forget(&folder, past, all_gone).map_err(|error| unwritten(&folder, &error))?;
            }
        }
        if !self.dry_run {
            Authority::forget(&folder).map_err(|error| unwritten(&folder, &error))?;
        }
        steps.push(places::key(&folder, self.dry_run));
        Ok(answer(cx, asked, authorities, steps))
    }
}

fn answer(cx: &Context<'_, Acts>, asked: Trusted, authorities: Vec<Authorities>, steps: Vec<Step>) -> TrustAnswer {
    let gaps = portward_store::gaps(&StateFolder::find(cx.caller));
    TrustAnswer { asked, authorities, steps, verifiers: Vec::new(), gaps }
}

/// Puts a certificate into each store.
fn put(cx: &Context<'_, Acts>, stores: &[Store], anchor: &Anchor<'_>) -> Result<Vec<Step>, Failure> {
    let mut steps = Vec::new();
    for store in stores {
        cx.still_wanted()?;
        steps.push(match store.holds(anchor) {
            Holds::It => places::step(store, Outcome::WasDone),
            Holds::Another => places::another(store, anchor),
            Holds::Unknown(refused) => places::could_not(store, &refused, places::adding(store, anchor)),
            Holds::Not => match store.add(anchor) {
                Ok(()) => places::step(store, Outcome::Done),
                Err(refused) => places::could_not(store, &refused, places::adding(store, anchor)),
            },
        });
    }
    Ok(steps)
}

/// Removes a certificate from each store that has it.
fn take_back(
    cx: &Context<'_, Acts>,
    folder: &StateFolder,
    past: &Past,
    (stores, dry_run): (&[Store], bool),
) -> Result<Vec<Step>, Failure> {
    let (file, alias) = (folder.file(&past.file), alias(&past.fingerprint));
    let anchor = Anchor { file: &file, pem: &past.pem, name: &past.name, alias: &alias, fingerprint: past.fingerprint.as_str() };
    let noted = trusting::noted(folder, &past.fingerprint);
    let mut steps = Vec::new();
    for store in stores {
        cx.still_wanted()?;
        match store.holds(&anchor) {
            Holds::Not => {}
            // What cannot be asked any more has it only where it was put there.
            Holds::Unknown(trusting::Refused::Lacks(_))
                if !noted.contains(&places::step(store, Outcome::Would).place.to_string()) => {}
            Holds::Another => steps.push(places::another(store, &anchor)),
            Holds::Unknown(refused) => steps.push(places::could_not(store, &refused, places::removing(store, &anchor))),
            Holds::It if dry_run => steps.push(places::step(store, Outcome::Would)),
            Holds::It => steps.push(match store.remove(&anchor) {
                Ok(()) => places::step(store, Outcome::Done),
                Err(refused) => places::could_not(store, &refused, places::removing(store, &anchor)),
            }),
        }
    }
    Ok(steps)
}

/// Forgets an authority: that it was trusted, and what it was where it is nowhere any more.
fn forget(folder: &StateFolder, past: &Past, all_gone: bool) -> std::io::Result<()> {
    trusting::forget(folder, &past.fingerprint)?;
    if all_gone { folder.remove(&past.file) } else { Ok(()) }
}

fn told(authority: &Authority, signed: &portward_keeper::Signed) -> Authorities {
    Authorities { name: Text::from(authority.name().as_str()), certified: Certified::of(signed) }
}

fn home<R: portward_sys::Rights>(cx: &Context<'_, R>) -> Option<PathBuf> {
    cx.caller.variable("HOME").map(path_of)
}

fn unwritten(folder: &StateFolder, error: &std::io::Error) -> Failure {
    let shown = portward_sys::text_of(&folder.path);
    Failure::system(format!("{shown} cannot be written: {error}.")).hint(portward_model::hint!("ls -ld {}", shown))
}
