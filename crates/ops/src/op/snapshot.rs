//! `portward snapshot`

use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
};

use clap::Args;
use portward_model::{Resolution, Snapshot};
use portward_sys::{Depth, Entry, Recording, StateSet, Which};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Cx, Document, Effect, Failure, Look, Never, Noun, Op, Sink, Where,
    document::{GapDocument, write_json},
    op::doctor::Doctor,
};

/// Write the whole reading of this machine to one file, secrets masked
///
/// Every reading command takes it with --from FILE, so that a colleague's machine or a bug report can be
/// examined as if it were here.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Snap {
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Record beside it all that the doctor asks for TARGET, dialogue included, so that it can be asked again elsewhere
    #[arg(long = "for", value_name = "TARGET")]
    #[serde(rename = "for")]
    pub target: Option<String>,
}

/// A reading of a machine.
#[derive(Serialize, JsonSchema)]
pub struct Taken {
    /// The reading. Its fields follow Portward's own nouns and may grow; `schema_version` says when they change.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub snapshot: Snapshot,
    /// What the doctor asked, and what it was answered, in order; absent where nobody wanted it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    pub tape: Vec<Entry>,
    /// The file it was written to; `null` for standard output.
    pub written_to: Option<PathBuf>,
    /// What could not be seen.
    pub gaps: Vec<GapDocument>,
}

impl Noun for Taken {}

impl Op for Snap {
    const NAME: &'static str = "snapshot";
    const EFFECT: Effect = Effect::Read;
    const WHERE: Where = Where::Anywhere;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("portward snapshot --out machine.json", "write it to a file"),
        ("portward list --from machine.json", "look at it, here or elsewhere"),
        ("portward snapshot --for 3000 --out bug.json", "with it, why 3000 fails: portward doctor 3000 --from bug.json"),
        ("ssh ana@dev portward snapshot | portward explain 3000 --from -", "another machine's port"),
    ];
    type Item = Never;
    type Output = Taken;

    async fn run(self, cx: &Cx<'_>, _: &mut Sink<'_, Never>) -> Result<Taken, Failure> {
        let tape = match &self.target {
            Some(target) => record(cx, target).await?,
            None => Vec::new(),
        };
        let look =
            Look { states: StateSet::All, which: Which::All, owners: Some(Depth::Threads), rules: true, ..Look::serving() };
        let mut snapshot = look.take(cx.host).snapshot;
        for name in ["localhost".to_owned(), snapshot.host.name.lossy().into_owned()] {
            if let Ok(addresses) = cx.host.resolve(&name) {
                snapshot.resolutions.push(Resolution { name, addresses });
            }
        }
        for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            if let Ok(route) = cx.host.route(address, 0) {
                snapshot.routes.push((address, route));
            }
        }
        let gaps = snapshot.gaps.iter().map(GapDocument::from).collect();
        let taken = Taken { snapshot, tape, written_to: self.out.clone(), gaps };
        if let Some(path) = &self.out {
            write(&taken, path)?;
        }
        Ok(taken)
    }
}

/// Asks the doctor, and keeps all that it is told.
async fn record(cx: &Cx<'_>, target: &str) -> Result<Vec<Entry>, Failure> {
    let machine = Recording::of(cx.host);
    let doctor = Doctor { target: Some(target.to_owned()), ..Doctor::default() };
    let _ = doctor.run(&Cx { host: &machine, prompt: cx.prompt }, &mut Sink::new(&mut |_| true)).await?;
    Ok(machine.take())
}

fn write(taken: &Taken, path: &Path) -> Result<(), Failure> {
    let document = |out: &mut dyn Write| {
        write_json(&Document::new(taken), out)?;
        out.write_all(b"\n")
    };
    portward_sys::write_private(path, &document).map_err(|error| {
        let shown = portward_model::Text::new(path.as_os_str().as_encoded_bytes());
        Failure::system(format!("{shown} cannot be written: {error}.")).hint("name a file in a folder that you may write to")
    })
}
