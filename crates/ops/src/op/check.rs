//! `portward check`

mod fixes;
mod sarif;

use clap::Args;
use portward_checks::lint::{Project, Table, examine};
use portward_model::{Finding, Sentence, Text, plan::Plan};

use portward_reading::{
    project,
    sources::{self, gather, life},
};
use portward_store::Store;
use portward_sys::Rights;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ports::{MARKDOWN, markdown_of};
use crate::{Acts, Context, Exit, Failure, Looks, Never, Noun, Op, Sink, document::Gap};

pub use fixes::{Applied, Fate};

/// Compare what the project's files say of ports, with each other and with what listens
///
/// The port linter. It reads the files that a project has anyway and portward.toml, never inside `node_modules` or what git ignores, and says
/// with file, line and reason: services that share a port, debuggers on a service's port, Compose ports open to the network, lists that
/// append, ports that the kernel gives away or browsers refuse, clients and callbacks that name another port. A number is a port only
/// with a stated reason. Nothing is printed where nothing is wrong.
#[derive(Args)]
pub struct Check {}

/// Compare what the project's files say of ports, with each other and with what listens
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Look {
    /// Print SARIF 2.1.0, which code hosts and editors read
    #[arg(long)]
    pub sarif: bool,
}

/// Show the lines to write, one by one, and write those that are agreed to
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fix {
    /// With --fix: agree to every line
    #[arg(long, short)]
    pub yes: bool,
}

/// What was found.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Checked {
    /// What is wrong, in the order of files and lines.
    pub findings: Vec<Found>,
    /// What could not be read or understood.
    pub unread: Vec<Unread>,
    /// How many files were read.
    pub files: usize,
    /// What became of the lines that were offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<Applied>,
    /// The findings as SARIF 2.1.0, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sarif: Option<Value>,
    /// What could not be seen of the machine.
    pub gaps: Vec<Gap>,
}

/// A finding with what it is known by again.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
    /// Equal for the same finding in the same file, whatever lines stand before it.
    pub fingerprint: String,
}

/// A file or folder that could not be read, or a place in it that could not be understood.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Unread {
    /// Where it is, below the project's root.
    pub file: Text,
    /// The line, where it is one.
    pub line: Option<u32>,
    /// Why.
    pub because: Sentence,
}

impl From<sources::Unread> for Unread {
    fn from(unread: sources::Unread) -> Self {
        Self { file: unread.path, line: unread.line, because: unread.why }
    }
}

impl Noun for Checked {
    fn exit(&self) -> Exit {
        if self.findings.is_empty() { Exit::Fine } else { Exit::Found }
    }
}

impl Op for Look {
    declare! { "check", Read at Machine with Looks, emits Never, answers Checked;
    "portward check" => "what disagrees, with the line to write; nothing where nothing does",
    "portward check --sarif >ports.sarif" => "for a code host" }

    fn run(self, cx: &Context<'_>, _: &mut Sink<'_, Never>) -> Result<Checked, Failure> {
        let mut checked = check(cx)?;
        if self.sarif {
            checked.sarif = Some(sarif::document(&checked.findings));
        }
        Ok(checked)
    }
}

impl Op for Fix {
    declare! { "check.fix", Change at Machine with Acts, emits Never, answers Checked;
    "portward check --fix" => "show each line to write, and ask" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Checked, Failure> {
        let checked = check(cx)?;
        let fixed = fixes::offer(cx, &checked.findings, self.yes)?;
        if fixed.iter().all(|applied| applied.fate != Fate::Written) {
            return Ok(Checked { fixed, ..checked });
        }
        Ok(Checked { fixed, ..check(cx)? })
    }
}

fn check<R: Rights>(cx: &Context<'_, R>) -> Result<Checked, Failure> {
    let gathered = gather(cx)?;
    let mut project: Project = gathered.project;
    let (identity, file) = project::find(cx)?;
    if let Some(file) = file {
        let plan = file.plan()?;
        project.table = table(&project, &plan);
        project.plan = Some(plan);
        project.plan_text = file.text;
    }
    let block = Store::reading(cx)?.and_then(|store| store.known_project(identity.as_ref()).ok()?).map(|row| row.block);
    let (life, gaps) = life(cx, &project.root, block);
    project.life = life;
    cx.still_wanted()?;
    let findings: Vec<Finding> = examine(&project);
    Ok(Checked {
        findings: findings.into_iter().map(|finding| Found { fingerprint: fingerprint(&finding), finding }).collect(),
        unread: gathered.unread.into_iter().map(Unread::from).collect(),
        files: project.files.len(),
        fixed: Vec::new(),
        sarif: None,
        gaps,
    })
}

/// The table of ports in the README at the root, by its first line, and what it should be.
fn table(project: &Project, plan: &Plan) -> Option<Table> {
    let readme = project.files.iter().find(|file| file.path == "README.md")?;
    let lines: Vec<&str> = readme.text.lines().map(str::trim_end).collect();
    let at = lines.iter().position(|line| *line == MARKDOWN)?;
    let stands: Vec<&str> = lines.iter().skip(at).take_while(|line| line.starts_with('|')).copied().collect();
    let line = u32::try_from(at + 1).unwrap_or(u32::MAX);
    Some(Table { file: readme.path.clone(), line, stands: stands.join("\n"), should: markdown_of(plan).join("\n") })
}

/// What a finding is known by: its code, its file and what it says, without its line.
fn fingerprint(finding: &Finding) -> String {
    let file = finding.place.as_ref().map(|place| place.file.shown()).unwrap_or_default();
    let whole = portward_sys::digest(&[finding.code.as_bytes(), file.as_bytes(), finding.summary.to_string().as_bytes()]);
    whole.get(..16).unwrap_or_default().to_owned()
}
