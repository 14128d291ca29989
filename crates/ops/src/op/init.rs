//! `portward init`

use clap::Args;
use portward_checks::lint::planned::written;
use portward_model::{Sentence, Text, hint, plural};
use portward_reading::{
    project::{self, ProjectFile},
    sources::{Gathered, gather},
};
use portward_sys::{StateFolder, path_of};
use portward_wire::project_file::NAME;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{allow::allow, check::Unread};
use crate::{Acts, Context, Exit, Failure, Never, Noun, Op, Sink, document::Gap};

/// Write portward.toml from what the project already has
///
/// Reads package scripts, Procfile, Compose files, .env files, launch.json, the settings of frameworks, Makefile and Dockerfile, and writes
/// each service once, databases first, with a comment that says where each value came from. It shows the file and asks; what was agreed to
/// is written, and is allowed as it stands. A file that is there already is kept as it is. What a person has to decide stands at its top.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Init {
    /// Show the file, and write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Write without asking
    #[arg(long, short)]
    pub yes: bool,
}

/// A file that was written, or would be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Initial {
    /// The file.
    pub file: Text,
    /// What it says.
    pub text: String,
    /// True when it was written.
    pub written: bool,
    /// True when this very text is allowed from now on, as `portward allow` would have it.
    pub allowed: bool,
    /// How many services it declares.
    pub services: usize,
    /// What a person has to decide.
    pub decide: Vec<Sentence>,
    /// What could not be read or understood.
    pub unread: Vec<Unread>,
    /// True where the person looked at it and did not want it.
    pub declined: bool,
    /// What could not be seen of the machine: nothing of it is asked.
    pub gaps: Vec<Gap>,
}

impl Noun for Initial {
    fn exit(&self) -> Exit {
        if self.declined || self.services == 0 { Exit::Found } else { Exit::Fine }
    }
}

impl Op for Init {
    declare! { "init", Change at Machine with Acts, emits Never, answers Initial;
    "portward init --dry-run" => "what would be written",
    "portward init" => "show it, ask, and write it" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Initial, Failure> {
        let (_, file) = project::find(cx)?;
        if let Some(file) = file {
            let message = format!("{} is there already, and is kept as it is.", file.path);
            return Err(Failure::usage(message).hint("portward check    compares it with the project's other files"));
        }
        let gathered = gather(cx)?;
        let text = written(&gathered.planned);
        let path = path_of(&gathered.project.root).join(NAME);
        let mut initial = initial(gathered, text, Text::new(path.as_os_str().as_encoded_bytes()));
        if self.dry_run || initial.services == 0 {
            return Ok(initial);
        }
        let question = format!("{}\n{} with {}?", initial.text, initial.file, plural(initial.services, "service"));
        if !cx.agreed(self.yes, &question, "written", "add --yes to write it, or --dry-run to look")? {
            return Ok(Initial { declined: true, ..initial });
        }
        cx.machine.create(&path, initial.text.as_bytes()).map_err(|error| {
            let failure = Failure::from(error);
            if failure.hint.is_some() { failure } else { failure.hint(hint!("ls -l {}", initial.file)) }
        })?;
        initial.written = true;
        initial.allowed = allowed(cx, &initial)?;
        initial.gaps = portward_store::gaps(&StateFolder::find(cx.caller));
        Ok(initial)
    }
}

/// Allows the bytes that were shown and agreed to, and no others: where somebody has changed the file since, that text is not allowed. The
/// file stands where this cannot be noted, and is then a file like any other.
fn allowed(cx: &Context<'_, Acts>, initial: &Initial) -> Result<bool, Failure> {
    let (Some(identity), _) = project::find(cx)? else { return Ok(false) };
    let file = ProjectFile::of(&identity, initial.file.clone(), initial.text.clone().into_bytes());
    Ok(allow(cx, &file).unwrap_or(false))
}

fn initial(gathered: Gathered, text: String, file: Text) -> Initial {
    Initial {
        file,
        text,
        written: false,
        allowed: false,
        services: gathered.planned.plan.services.len(),
        decide: gathered.planned.decide.into_iter().map(|decide| format!("{decide}.").into()).collect(),
        unread: gathered.unread.into_iter().map(Unread::from).collect(),
        declined: false,
        gaps: Vec::new(),
    }
}
