//! `portward lease`

mod document;
mod giving_back;

use portward_model::hint;

use clap::Args;
use portward_store::{LeaseName, Repaired, Store, Wanted, here};
use portward_sys::StateFolder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Acts, Context, Exit, Failure, Looks, Never, Noun, Op, Refused, Sink, document::Gap};
pub use document::{GoneProject, LeaseDocument, LeaseState, RepairDocument};

/// Ports that belong to projects for good: take, list, release and prune them
///
/// Each project has a block of a hundred ports outside the kernel's ephemeral range; a port that its programs ask for has
/// one of them, with the same last two digits where that is free. A lease is the same for every process and after every
/// reboot. Nothing is given back by itself: `release` gives back what is named, and `prune` what belongs to projects whose
/// folder is gone. `repair` looks at the store, and starts anew beside a corrupt one when you say so.
#[derive(Args)]
pub struct Lease {}

/// Show every lease of this user
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct List {}

/// Take ports for this project
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Take {
    /// The ports that programs ask for, or names; `release` takes leased ports too
    #[arg(value_name = "PORT|NAME", required = true)]
    pub what: Vec<Wanted>,
    /// A name for the port that is taken
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub name: Option<LeaseName>,
}

/// Give ports of this project back
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Release {
    /// The ports that programs ask for, or names; `release` takes leased ports too
    #[arg(value_name = "PORT|NAME")]
    pub what: Vec<Wanted>,
    /// Release everything of this project, its block too
    #[arg(long, conflicts_with = "what")]
    pub all: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Say what would be given back, and give nothing back
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

/// Give back what belongs to projects that are gone
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Prune {
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Say what would be given back, and give nothing back
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

/// Look whether the store is sound
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Repair {
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// What was done about leases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// They were listed.
    #[default]
    List,
    /// They were taken.
    Take,
    /// They were given back.
    Release,
    /// Those of projects that are gone were given back.
    Prune,
    /// The store was looked at.
    Repair,
}

/// The leases that it is about: all of them, those taken, those given back.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Leases {
    /// The leases, by port.
    pub leases: Vec<LeaseDocument>,
    /// With `release`: what was not given back, because something holds it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
    /// With `prune`: projects whose folder is gone and of whose ports nothing is bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projects: Option<Vec<GoneProject>>,
    /// With `prune` and `release`: true when nothing was given back, because nobody agreed or a dry run was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<bool>,
    /// With `repair`: how the store is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<RepairDocument>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// What was done.
    pub action: Action,
}

impl Noun for Leases {
    fn exit(&self) -> Exit {
        let corrupt = self.repair.as_ref().is_some_and(|repair| !repair.sound && repair.saved.is_none());
        if self.refused.is_empty() && !corrupt { Exit::Fine } else { Exit::Found }
    }

    fn each_line(&self, line: &mut dyn FnMut(&dyn crate::ErasedSerialize) -> std::io::Result<()>) -> std::io::Result<()> {
        self.leases.iter().try_for_each(|lease| line(&crate::Document::new(lease)))
    }
}

impl Op for List {
    declare! { "lease.list", Read at Machine with Looks, emits Never, answers Leases;
    "portward lease" => "every lease, and whether something listens there" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_>, _: &mut Sink<'_, Never>) -> Result<Leases, Failure> {
        let rows = Store::reading(cx)?.map_or_else(|| Ok(Vec::new()), |store| store.all())?;
        Ok(told(cx, Action::List, document::leases(cx, rows)))
    }
}

impl Op for Take {
    declare! { "lease.take", Change at Machine with Acts, emits Never, answers Leases;
    "portward lease take 3000 --name web" => "this project's port for programs that ask for 3000" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Leases, Failure> {
        self.one_name_for_one_port()?;
        let identity = here(&cx.looks())?;
        let mut store = Store::open(cx)?;
        let project = store.project(identity.as_ref())?;
        let mut taken = Vec::new();
        for wanted in &self.what {
            let mut want = wanted.want();
            want.name = want.name.or(self.name.as_ref().map(LeaseName::as_str));
            taken.push(store.take(project.id, want)?.port);
        }
        let rows = store.all()?.into_iter().filter(|row| taken.contains(&row.port)).collect();
        Ok(told(&cx.looks(), Action::Take, document::leases(&cx.looks(), rows)))
    }
}

impl Take {
    fn one_name_for_one_port(&self) -> Result<(), Failure> {
        match (self.what.as_slice(), &self.name) {
            ([], _) => Err(Failure::usage("Nothing was named.").hint("portward lease take 3000")),
            ([_, _, ..], Some(name)) => {
                Err(Failure::usage(format!("{} ports cannot all be called {}.", self.what.len(), name.as_str()))
                    .hint("one port has one name"))
            }
            ([Wanted::Name(word)], Some(name)) => {
                let (word, name) = (word.as_str(), name.as_str());
                Err(Failure::usage(format!("{word} is a name already, and --name {name} a second one."))
                    .hint(hint!("portward lease take 3000 --name {}", name)))
            }
            _ => Ok(()),
        }
    }
}

impl Op for Release {
    declare! { "lease.release", Destroy at Machine with Acts, emits Never, answers Leases;
    "portward lease release web" => "give it back" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Leases, Failure> {
        if self.what.is_empty() != self.all {
            let message = if self.all { "--all leaves nothing to name." } else { "Nothing was named." };
            return Err(Failure::usage(message).hint("portward lease release 3000"));
        }
        Ok(told(&cx.looks(), Action::Release, giving_back::release(cx, &self)?))
    }
}

impl Op for Prune {
    declare! { "lease.prune", Destroy at Machine with Acts, emits Never, answers Leases;
    "portward lease prune" => "give back what belongs to projects that are gone" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Leases, Failure> {
        Ok(told(&cx.looks(), Action::Prune, giving_back::prune(cx, &self)?))
    }
}

impl Op for Repair {
    declare! { "lease.repair", Change at Machine with Acts, emits Never, answers Leases;
    "portward lease repair" => "look whether the store is sound" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Leases, Failure> {
        let mut agree = |question: &str| cx.agreed(self.yes, question, "changed", "add --yes to start anew");
        let found = portward_store::repair(cx, &mut agree)?;
        let folder = StateFolder::find(cx.caller);
        let shown = |name: &str| folder.path.join(name).display().to_string();
        let document = |sound, copy: Option<String>, saved| RepairDocument { store: shown("leases.db"), sound, copy, saved };
        let repair = match found {
            Repaired::None => document(true, None, None),
            Repaired::Sound { leases } => document(true, None, Some(leases)),
            Repaired::Declined { copy } => document(false, Some(shown(&copy)), None),
            Repaired::Renewed { copy, saved } => document(false, Some(shown(&copy)), Some(saved)),
        };
        Ok(told(&cx.looks(), Action::Repair, Leases { repair: Some(repair), ..Leases::default() }))
    }
}

/// The answer, with what is true of every one.
fn told(cx: &Context<'_>, action: Action, mut leases: Leases) -> Leases {
    leases.action = action;
    leases.gaps.extend(portward_store::gaps(&StateFolder::find(cx.caller)));
    leases
}
