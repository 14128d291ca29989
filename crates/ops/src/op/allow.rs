//! `portward allow`

use std::io::{self, Write};

use clap::Args;
use portward_model::{
    Text, hint,
    plan::{Plan, ServiceCommand},
};
use portward_reading::project::{ProjectFile, find, permitted};
use portward_sys::{StateFolder, write_private};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Acts, Context, Exit, Failure, Never, Noun, Op, Sink,
    document::Gap,
    project::{composed_words, plan_words},
};

/// Let this project's portward.toml run its programs and set its variables, as it is now
///
/// A file that comes with a repository names programs and variables of the environment, which is to say that it could do anything. So
/// `up`, `env`, `exec` and the hook of your shell do nothing with it until you have allowed its very text. What changes in it
/// has to be allowed again. Allowed is a text for a repository, with all its worktrees; outside git for its folder.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Allow {
    /// Take back whatever was allowed for this project
    #[arg(long, conflicts_with_all = ["yes", "dry_run"])]
    pub revoke: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Say what it would run and set, and allow nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

/// What a project file may do.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AllowAnswer {
    /// The file.
    pub file: Text,
    /// True when it is allowed as it is now.
    pub allowed: bool,
    /// True when it was already before.
    pub before: bool,
    /// What was asked for.
    pub asked: AllowAsked,
    /// What it starts.
    pub services: Vec<AllowService>,
    /// The variables that it sets, each with what stands in the file.
    pub variables: Vec<AllowVariable>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AllowAsked {
    /// To allow it.
    #[default]
    Allow,
    /// To take that back.
    Revoke,
    /// To say what it would do.
    Look,
}

/// A service of the file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AllowService {
    /// Its name.
    pub name: String,
    /// What starts it.
    pub command: Text,
}

/// A variable of the file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AllowVariable {
    /// Its name.
    pub name: String,
    /// What stands in the file.
    pub value: Text,
}

impl Noun for AllowAnswer {
    fn exit(&self) -> Exit {
        let wanted = self.asked == AllowAsked::Allow;
        if self.asked == AllowAsked::Look || self.allowed == wanted { Exit::Fine } else { Exit::Found }
    }
}

impl Op for Allow {
    declare! { "allow", Change at Machine with Acts, emits Never, answers AllowAnswer;
    "portward allow" => "shop/portward.toml may run web: npm run dev",
    "portward allow --dry-run" => "what it would run and set",
    "portward allow --revoke" => "it may no longer" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<AllowAnswer, Failure> {
        let (identity, file) = find(cx)?;
        let Some(file) = file else { return Err(crate::project::absent(identity.as_ref())) };
        let before = permitted(cx, &file);
        // Whoever takes it back need not be able to read it.
        let plan = if self.revoke { file.plan().unwrap_or_default() } else { file.plan()? };
        let (services, variables) = (services(&plan), variables(&plan));
        let asked = if self.revoke {
            AllowAsked::Revoke
        } else if self.dry_run {
            AllowAsked::Look
        } else {
            AllowAsked::Allow
        };
        let allowed = match asked {
            AllowAsked::Revoke => {
                revoke(cx, &file)?;
                false
            }
            AllowAsked::Look => before,
            AllowAsked::Allow => before || self.agreed(cx, &file, &plan) && allow(cx, &file)?,
        };
        let gaps = portward_store::gaps(&StateFolder::find(cx.caller));
        Ok(AllowAnswer { file: file.path, allowed, before, asked, services, variables, gaps })
    }
}

impl Allow {
    /// Whoever types it agrees, but for a person who can be shown first what it would do.
    fn agreed(&self, cx: &Context<'_, Acts>, file: &ProjectFile, plan: &Plan) -> bool {
        let question = format!("{} {} Allow that?", file.path, plan_words(plan));
        self.yes || cx.prompt.confirm(&question) != Some(false)
    }
}

fn services(plan: &Plan) -> Vec<AllowService> {
    let command = |command: &ServiceCommand| match command {
        ServiceCommand::Line(line) => line.clone(),
        ServiceCommand::Words(words) => words.join(" "),
    };
    let told = |service: &portward_model::plan::Service| {
        let uses = || match &service.compose {
            Some(composed) => composed_words(composed),
            None => service.uses.as_ref().map(|uses| format!("use {uses}")).unwrap_or_default(),
        };
        let command = service.command.as_ref().map_or_else(uses, command);
        AllowService { name: service.name.clone(), command: Text::from(command.as_str()) }
    };
    plan.services.iter().map(told).collect()
}

fn variables(plan: &Plan) -> Vec<AllowVariable> {
    let own = plan.services.iter().flat_map(|service| &service.values);
    let told = |value: &portward_model::plan::Value| AllowVariable {
        name: value.name.clone(),
        value: Text::from(value.template.to_string().as_str()),
    };
    plan.values.iter().chain(own).map(told).collect()
}

/// Notes that this text is allowed: a file with the path of it, which appears whole or not at all.
pub(super) fn allow(cx: &Context<'_, Acts>, file: &ProjectFile) -> Result<bool, Failure> {
    let folder = StateFolder::find(cx.caller);
    let written = folder.prepare().and_then(|()| {
        let mark = folder.path.join(file.mark());
        write_private(&mark, &|out: &mut dyn Write| writeln!(out, "{}", file.path.shown()))
    });
    written.map_err(|error| failed(&folder, &error))?;
    Ok(true)
}

/// Takes every text back that was allowed for its project.
fn revoke(cx: &Context<'_, Acts>, file: &ProjectFile) -> Result<(), Failure> {
    let folder = StateFolder::find(cx.caller);
    if folder.inspect().is_err() {
        // Nothing there was believed.
        return Ok(());
    }
    let removed = folder.names(&file.marks(), "").iter().try_for_each(|name| folder.remove(name));
    removed.map_err(|error| failed(&folder, &error))
}

fn failed(folder: &StateFolder, error: &io::Error) -> Failure {
    let shown = Text::from(folder.path.to_string_lossy().as_ref());
    Failure::system(format!("What is allowed cannot be written down in {shown}: {error}.")).hint(hint!("ls -ld {}", shown))
}
