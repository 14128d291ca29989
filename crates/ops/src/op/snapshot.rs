//! `portward snapshot`

use std::{
    fs,
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
};

use clap::Args;
use portward_model::{Resolution, Snapshot};
use portward_sys::{Depth, StateSet, Which};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Cx, Document, Effect, Failure, Look, Never, Noun, Op, Sink, Where,
    document::{GapDocument, write_json},
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
}

/// A reading of a machine.
#[derive(Serialize, JsonSchema)]
pub struct Taken {
    /// The reading. Its fields follow Portward's own nouns and may grow; `schema_version` says when they change.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub snapshot: Snapshot,
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
        ("ssh ana@dev portward snapshot | portward explain 3000 --from -", "another machine's port"),
    ];
    type Item = Never;
    type Output = Taken;

    async fn run(self, cx: &Cx<'_>, _: &mut Sink<'_, Never>) -> Result<Taken, Failure> {
        let look =
            Look { states: StateSet::All, which: Which::All, owners: Some(Depth::Threads), rules: true, ..Look::serving() };
        let mut snapshot = look.take(cx.host).snapshot;
        for name in ["localhost".to_owned(), snapshot.host.name.shown()] {
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
        let taken = Taken { snapshot, written_to: self.out.clone(), gaps };
        if let Some(path) = &self.out {
            write(&taken, path)?;
        }
        Ok(taken)
    }
}

/// Writes beside the file and renames over it, so that no reader ever sees half of it. A device or a pipe is
/// written to as it is. Only the owner may read the file: it tells much of the machine.
fn write(taken: &Taken, path: &Path) -> Result<(), Failure> {
    let is_special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let target = if is_special { path.to_owned() } else { PathBuf::from(beside) };
    let written = (|| {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(!is_special);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&target)?;
        let mut buffered = std::io::BufWriter::new(&file);
        write_json(&Document::new(taken), &mut buffered)?;
        buffered.write_all(b"\n")?;
        buffered.flush()?;
        drop(buffered);
        if is_special {
            return Ok(());
        }
        file.sync_all()?;
        fs::rename(&target, path)
    })();
    written.map_err(|error: std::io::Error| {
        if !is_special {
            let _ = fs::remove_file(&target);
        }
        let shown = portward_model::Text::new(path.as_os_str().as_encoded_bytes());
        Failure::system(format!("{shown} cannot be written: {error}.")).hint("name a file in a folder that you may write to")
    })
}
