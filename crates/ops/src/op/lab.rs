//! `portward lab`

use portward_model::hint;

use clap::Args;
use portward_lab::{Question, Scene, Sight, labs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod tour;

pub use portward_lab::{Checked as CheckDocument, Group, Hinted as HintDocument};

use crate::{Acts, Context, Dials, Exit, Failure, Looks, Noun, Op, Sink, document::Gap};
use tour::walk;
pub use tour::{CallDocument, EndDocument, PacketDocument, Side, StepDocument};

/// Practise on real faults: each lab breaks a connection in a private world and lets you repair it
///
/// `lab tour` is the place to begin: a first connection, step by step, with the real sockets and packets of each step. ENTER goes on;
/// in a pipe, or with --all, it runs through.
/// `lab start NAME` builds the fault in network, process and mount namespaces of its own, shows what a client meets, and
/// opens a shell there (or runs the program after --exec, and ends with its exit code). Inside you are root of that world
/// alone, and nothing of it outlives the shell. `lab hint` gives one hint more each time; `lab check` says whether it is repaired.
/// Each server of a lab is a command of its name inside: `web start`, `web stop`, `web restart listen=0.0.0.0:3000`.
#[derive(Args)]
pub struct Bench {}

/// Name all labs
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct List {}

/// Walk through a first connection, step by step
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tour {
    /// Let the tour run through without waiting
    #[arg(long)]
    pub all: bool,
}

/// Build one, and open a shell in it
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The lab to start
    #[arg(value_name = "NAME", required = true)]
    pub name: String,
    /// Start the same scene without its fault
    #[arg(long)]
    #[serde(default)]
    pub twin: bool,
    /// Run this program inside instead of a shell; everything after --exec is the program and its arguments
    #[arg(long, value_name = "PROGRAM", num_args = 1.., allow_hyphen_values = true)]
    #[serde(default)]
    pub exec: Vec<String>,
}

/// Give the running lab's next hint
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hint {}

/// Say whether the running lab is repaired
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {}

/// What happened on the bench. The part of the action that was asked for is filled.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct OnBench {
    /// Every lab, for `list`.
    pub labs: Vec<LabDocument>,
    /// The lab that was started, for `start`.
    pub started: Option<Started>,
    /// A step of the tour, for `tour`: one document each.
    pub step: Option<StepDocument>,
    /// A hint, for `hint`.
    pub hint: Option<HintDocument>,
    /// How it stands with the repair, for `check`.
    pub check: Option<CheckDocument>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// The exit code of the program that ran inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u8>,
}

/// A lab in the list.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LabDocument {
    /// Its name.
    pub name: String,
    /// What is wrong, as it looks from outside.
    pub title: String,
    /// What the fault looks like from outside.
    pub group: Group,
    /// What the learner wants to do.
    pub question: Question,
    /// Where.
    pub target: String,
}

/// A lab that stands.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Started {
    /// Its name.
    pub name: String,
    /// What is wrong, as it looks from outside.
    pub title: String,
    /// What happened.
    pub story: String,
    /// What the learner wants to do.
    pub question: Question,
    /// Where.
    pub target: String,
    /// What a try met just now; `answers` or `bound` when all is well.
    pub sight: Sight,
    /// The same in words.
    pub saw: String,
    /// What a well-known program prints at this fault.
    pub paste: Option<String>,
    /// The services, each a command inside.
    pub services: Vec<String>,
    /// True for the scene without its fault.
    pub twin: bool,
    /// True when a shell opens, false when a program was named.
    pub shell: bool,
}

impl Noun for OnBench {
    fn exit(&self) -> Exit {
        match (self.code, &self.check) {
            (Some(code), _) => Exit::Program(code),
            (None, Some(check)) if !check.repaired => Exit::Found,
            _ => Exit::Fine,
        }
    }
}

impl Op for List {
    declare! { "lab.list", Read at Anywhere with Looks, emits OnBench, answers OnBench;
    "portward lab list" => "every lab, by what it looks like from outside" }

    fn run(self, _: &Context<'_>, _: &mut Sink<'_, OnBench>) -> Result<OnBench, Failure> {
        Ok(OnBench { labs: labs::all().map(|lab| listed(&lab)).collect(), ..OnBench::default() })
    }
}

impl Op for Tour {
    declare! { "lab.tour", Change at Machine with Acts, emits OnBench, answers OnBench;
    "portward lab tour" => "a first connection, step by step, with its real sockets and packets" }

    fn run(self, cx: &Context<'_, Acts>, out: &mut Sink<'_, OnBench>) -> Result<OnBench, Failure> {
        walk(cx, self.all, out)
    }
}

impl Op for Start {
    declare! { "lab.start", Change at Caller with Acts, emits OnBench, answers OnBench;
    "portward lab start no-listener" => "break a connection, and open a shell beside it",
    "portward lab start no-listener --exec portward doctor 127.0.0.1:3000" => "what another program says of the fault" }

    fn run(self, _: &Context<'_, Acts>, out: &mut Sink<'_, OnBench>) -> Result<OnBench, Failure> {
        start(&self.name, self.twin, &self.exec, out)
    }
}

impl Op for Hint {
    declare! { "lab.hint", Change at Caller with Acts, emits OnBench, answers OnBench;
    "portward lab hint" => "the next hint, inside the lab" }

    fn run(self, _: &Context<'_, Acts>, _: &mut Sink<'_, OnBench>) -> Result<OnBench, Failure> {
        Ok(OnBench { hint: Some(portward_lab::hint()?), ..OnBench::default() })
    }
}

impl Op for Check {
    declare! { "lab.check", Read at Caller with Dials, emits OnBench, answers OnBench;
    "portward lab check" => "is it repaired?" }

    fn run(self, _: &Context<'_, Dials>, _: &mut Sink<'_, OnBench>) -> Result<OnBench, Failure> {
        Ok(OnBench { check: Some(portward_lab::check()?), ..OnBench::default() })
    }
}

fn start(name: &str, twin: bool, program: &[String], out: &mut Sink<'_, OnBench>) -> Result<OnBench, Failure> {
    let Some(lab) = labs::find(name) else {
        let near = labs::names().find(|own| own.starts_with(name) || own.contains(name));
        let hint = near.map_or("portward lab    names them".into(), |near| hint!("did you mean {} ?", near));
        return Err(Failure::usage(format!("`{}` is no lab.", portward_model::Text::from(name))).hint(hint));
    };
    let lab = if twin { lab.into_twin() } else { lab };
    let scene = Scene::build(name, twin)?;
    let tried = scene.tried().clone();
    let started = Started {
        name: lab.name,
        title: lab.title,
        story: lab.story,
        question: lab.question,
        target: lab.target,
        sight: tried.sight,
        saw: tried.saw,
        paste: lab.paste.filter(|_| !twin),
        services: lab.services.into_iter().map(|service| service.name).collect(),
        twin,
        shell: program.is_empty(),
    };
    let answer = OnBench { started: Some(started), ..OnBench::default() };
    if !out.emit(answer.clone()) {
        return Ok(answer);
    }
    let program: Vec<std::ffi::OsString> = program.iter().map(Into::into).collect();
    let code = scene.run(&program)?;
    Ok(OnBench { code: Some(code), ..answer })
}

fn listed(lab: &portward_lab::Lab) -> LabDocument {
    LabDocument {
        name: lab.name.clone(),
        title: lab.title.clone(),
        group: lab.group,
        question: lab.question,
        target: lab.target.clone(),
    }
}
