//! `portward snapshot`

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
};

use clap::Args;
use portward_model::{Resolution, Snapshot};
use portward_sys::{Depth, Entry, Recording, StateSet, Which, path_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Acts, Context, Dials, Document, Failure, Look, Looks, Never, Noun, Op, Sink,
    document::{Gap, write_json},
    op::doctor::Ask,
};

/// Write the whole reading of this machine to one file, secrets masked
///
/// Every reading command takes it with --from FILE, so that a colleague's machine or a bug report can be
/// examined as if it were here.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Snap {}

/// Record beside it all that the doctor asks for a target, dialogue included
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Record beside it all that the doctor asks for TARGET, dialogue included, so that it can be asked again elsewhere
    #[arg(id = "for", long = "for", value_name = "TARGET", required = true)]
    #[serde(rename = "for")]
    pub target: String,
}

/// Write the whole reading of this machine to one file, secrets masked
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE", required = true)]
    pub out: PathBuf,
    /// Record beside it all that the doctor asks for TARGET, dialogue included, so that it can be asked again elsewhere
    #[arg(id = "for", long = "for", value_name = "TARGET")]
    #[serde(rename = "for", default)]
    pub target: Option<String>,
}

/// A reading of a machine.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Taken {
    /// The reading. Its fields follow Portward's own nouns and may grow; `schema_version` says when they change.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub snapshot: Snapshot,
    /// What the doctor asked, and what it was answered, in order; absent where nobody wanted it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    pub tape: Vec<Entry>,
    /// The file it was written to; `null` for standard output.
    pub written_to: Option<PathBuf>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Noun for Taken {}

impl Op for Snap {
    declare! { "snapshot", Read at Anywhere with Looks, emits Never, answers Taken;
    "portward list --from machine.json" => "look at it, here or elsewhere",
    "ssh ana@dev portward snapshot | portward explain 3000 --from -" => "another machine's port" }

    fn run(self, cx: &Context<'_>, _: &mut Sink<'_, Never>) -> Result<Taken, Failure> {
        Ok(take(cx))
    }
}

impl Op for Record {
    declare! { "snapshot.record", Read at Machine with Dials, emits Never, answers Taken;
    "portward snapshot --for 3000 --out bug.json" => "with it, why 3000 fails: portward doctor 3000 --from bug.json" }

    fn run(self, cx: &Context<'_, Dials>, _: &mut Sink<'_, Never>) -> Result<Taken, Failure> {
        // The doctor first: it is about what happens now.
        let tape = record(cx, self.target)?;
        Ok(Taken { tape, ..take(&cx.looks()) })
    }
}

impl Op for Write {
    declare! { "snapshot.write", Change at Machine with Acts, emits Never, answers Taken;
    "portward snapshot --out machine.json" => "write it to a file" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Taken, Failure> {
        let tape = self.target.map(|target| record(&cx.dials(), target)).transpose()?.unwrap_or_default();
        let taken = Taken { tape, written_to: Some(self.out.clone()), ..take(&cx.looks()) };
        write(&taken, &cx.caller.cwd.as_ref().map(path_of).unwrap_or_default().join(&self.out))?;
        Ok(taken)
    }
}

fn take(cx: &Context<'_>) -> Taken {
    let look = Look { states: StateSet::All, which: Which::All, owners: Some(Depth::Threads), rules: true, ..Look::serving() };
    let mut snapshot = look.take(cx.machine).snapshot;
    for name in ["localhost".to_owned(), snapshot.host.name.lossy().into_owned()] {
        if let Ok(addresses) = cx.machine.resolve(&name) {
            snapshot.resolutions.push(Resolution { name, addresses });
        }
    }
    for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        if let Ok(route) = cx.machine.route(address, 0) {
            snapshot.routes.push((address, route));
        }
    }
    let gaps = snapshot.gaps.clone();
    Taken { snapshot, tape: Vec::new(), written_to: None, gaps }
}

/// Asks the doctor, and keeps all that it is told.
fn record(cx: &Context<'_, Dials>, target: String) -> Result<Vec<Entry>, Failure> {
    let machine = Recording::of(cx.machine);
    let doctor = Ask { target: Some(target), ..Ask::default() };
    let _ = doctor.run(&cx.with::<Dials>(&machine), &mut Sink::new(&mut |_| true))?;
    Ok(machine.take())
}

fn write(taken: &Taken, path: &Path) -> Result<(), Failure> {
    let document = |out: &mut dyn io::Write| {
        write_json(&Document::new(taken), out)?;
        out.write_all(b"\n")
    };
    portward_sys::write_private(path, &document).map_err(|error| {
        let shown = portward_sys::text_of(path);
        Failure::system(format!("{shown} cannot be written: {error}.")).hint("name a file in a folder that you may write to")
    })
}
