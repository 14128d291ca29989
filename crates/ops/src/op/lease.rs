//! `portward lease`

mod document;
mod giving_back;

use clap::{Args, ValueEnum};
use portward_sys::StateFolder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Cx, Effect, Exit, Failure, Never, Noun, Op, Refused, Sink, Where,
    document::GapDocument,
    store::{self, LeaseName, Repaired, Store, Wanted, here},
};
pub use document::{GoneProject, LeaseDocument, LeaseState, RepairDocument};

/// Ports that belong to projects for good: take, list, release and prune them
///
/// Each project has a block of a hundred ports outside the kernel's ephemeral range; a port that its programs ask for has
/// one of them, with the same last two digits where that is free. A lease is the same for every process and after every
/// reboot. Nothing is given back by itself: `release` gives back what is named, and `prune` what belongs to projects whose
/// folder is gone. `repair` looks at the store, and starts anew beside a corrupt one when you say so.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// What to do
    #[arg(value_name = "ACTION", value_enum, default_value = "list")]
    #[serde(default)]
    pub action: Action,
    /// The ports that programs ask for, or names; `release` takes leased ports too
    #[arg(value_name = "PORT|NAME")]
    #[serde(default)]
    pub what: Vec<Wanted>,
    /// A name for the port that is taken
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub name: Option<LeaseName>,
    /// Release everything of this project, its block too
    #[arg(long)]
    #[serde(default)]
    pub all: bool,
    /// Do not ask
    #[arg(long, short)]
    #[serde(default)]
    pub yes: bool,
    /// Say what would be given back, and give nothing back
    #[arg(long, short = 'n')]
    #[serde(default)]
    pub dry_run: bool,
}

/// What to do with leases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Show every lease of this user
    #[default]
    List,
    /// Take ports for this project
    Take,
    /// Give ports of this project back
    Release,
    /// Give back what belongs to projects that are gone
    Prune,
    /// Look whether the store is sound
    Repair,
}

/// The leases that it is about: all of them, those taken, those given back.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Leases {
    /// The leases, by port.
    pub leases: Vec<LeaseDocument>,
    /// With `release`: what was not given back, because something holds it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
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
    pub gaps: Vec<GapDocument>,
    /// What was done.
    #[serde(skip)]
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

impl Op for Lease {
    const NAME: &'static str = "lease";
    const EFFECT: Effect = Effect::Change;
    const WHERE: Where = Where::Live;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("portward lease", "every lease, and whether something listens there"),
        ("portward lease take 3000 --name web", "this project's port for programs that ask for 3000"),
        ("portward lease release web", "give it back"),
        ("portward lease prune", "give back what belongs to projects that are gone"),
        ("portward lease repair", "look whether the store is sound"),
    ];
    type Item = Never;
    type Output = Leases;

    async fn run(self, cx: &Cx<'_>, _: &mut Sink<'_, Never>) -> Result<Leases, Failure> {
        self.fits()?;
        let mut leases = match self.action {
            Action::List => list(cx)?,
            Action::Take => self.take(cx)?,
            Action::Release => giving_back::release(cx, &self)?,
            Action::Prune => giving_back::prune(cx, &self)?,
            Action::Repair => self.repair(cx)?,
        };
        leases.action = self.action;
        leases.gaps.extend(store::gaps(&StateFolder::find(cx.host.facts()?.uid)));
        Ok(leases)
    }
}

impl Lease {
    /// Refuses words that mean nothing together.
    fn fits(&self) -> Result<(), Failure> {
        let with = |flag: &str, action: &str| Failure::usage(format!("{flag} goes with `lease {action}` alone."));
        let takes_words = matches!(self.action, Action::Take | Action::Release);
        if let Some(word) = self.what.first().filter(|_| !takes_words) {
            return Err(Failure::usage(format!("`{word}` goes with `lease take` and `lease release` alone."))
                .hint(format!("portward lease take {word}")));
        }
        if self.name.is_some() && (self.action != Action::Take || self.what.len() > 1) {
            return Err(with("--name", "take PORT").hint("one port has one name"));
        }
        if let (Some(Wanted::Name(word)), Some(name)) = (self.what.first(), &self.name) {
            return Err(Failure::usage(format!(
                "{} is a name already, and --name {} a second one.",
                word.as_str(),
                name.as_str()
            ))
            .hint(format!("portward lease take 3000 --name {}", name.as_str())));
        }
        if self.all && self.action != Action::Release {
            return Err(with("--all", "release").hint("portward lease release --all"));
        }
        if self.dry_run && !matches!(self.action, Action::Release | Action::Prune) {
            return Err(with("--dry-run", "prune` and `lease release").hint("portward lease prune --dry-run"));
        }
        if takes_words && self.what.is_empty() != self.all {
            let name = if self.action == Action::Take { "take" } else { "release" };
            let message = if self.all { "--all leaves nothing to name." } else { "Nothing was named." };
            return Err(Failure::usage(message).hint(format!("portward lease {name} 3000")));
        }
        Ok(())
    }

    fn take(&self, cx: &Cx<'_>) -> Result<Leases, Failure> {
        let identity = here(cx)?;
        let mut store = Store::open(cx.host)?;
        let project = store.project(identity.as_ref())?;
        let mut taken = Vec::new();
        for wanted in &self.what {
            let mut want = wanted.want();
            want.name = want.name.or(self.name.as_ref().map(LeaseName::as_str));
            taken.push(store.take(project.id, want)?.port);
        }
        let rows = store.all()?.into_iter().filter(|row| taken.contains(&row.port)).collect();
        Ok(document::leases(cx, rows))
    }

    fn repair(&self, cx: &Cx<'_>) -> Result<Leases, Failure> {
        let mut agree = |question: &str| {
            if self.yes {
                return Ok(true);
            }
            cx.prompt.confirm(question).ok_or_else(|| {
                Failure::usage(format!("{question} Nobody is there to answer, so nothing was changed."))
                    .hint("add --yes to start anew")
            })
        };
        let found = store::repair(cx.host, &mut agree)?;
        let folder = StateFolder::find(cx.host.facts()?.uid);
        let shown = |name: &str| folder.path.join(name).display().to_string();
        let document = |sound, copy: Option<String>, saved| RepairDocument { store: shown("leases.db"), sound, copy, saved };
        let repair = match found {
            Repaired::None => document(true, None, None),
            Repaired::Sound { leases } => document(true, None, Some(leases)),
            Repaired::Declined { copy } => document(false, Some(shown(&copy)), None),
            Repaired::Renewed { copy, saved } => document(false, Some(shown(&copy)), Some(saved)),
        };
        Ok(Leases { repair: Some(repair), ..Leases::default() })
    }
}

fn list(cx: &Cx<'_>) -> Result<Leases, Failure> {
    let rows = Store::reading(cx.host)?.map_or_else(|| Ok(Vec::new()), |store| store.all())?;
    Ok(document::leases(cx, rows))
}
