//! `portward env`

use clap::{Args, ValueEnum};
use portward_model::{Text, hint};
use portward_reading::project::load;
use portward_sys::StateFolder;
use portward_wire::environment::{self, Form, Refused};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Acts, Context, Failure, Never, Noun, Op, Sink,
    document::Gap,
    project::{allowed, environment, service},
};

/// Print this project's variables, for a shell to evaluate or a file to hold
///
/// They are those of `[env]` in portward.toml, with what they derive from: `{db}` is where this checkout has its database, whatever port
/// another one asked for first. With a SERVICE they are what that service is given. Every value is written so that its reader has the
/// very same bytes again; what a format cannot carry is an error and nothing is printed.
///
/// `eval "$(portward env)"` sets them in sh, bash and zsh; `portward env --format fish | source` in fish. `portward hook` does it by itself.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Env {
    /// The service whose environment it is; the project's own otherwise
    #[arg(value_name = "SERVICE")]
    pub service: Option<String>,
    /// Who reads it
    #[arg(long, short, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
    /// Take the variables away instead
    #[arg(long)]
    pub unset: bool,
}

/// Who reads the variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// sh, dash, bash, zsh
    #[default]
    Sh,
    /// fish
    Fish,
    /// Nushell
    Nu,
    /// PowerShell
    #[value(name = "powershell")]
    PowerShell,
    /// A .env file
    Dotenv,
    /// One flat object
    Json,
    /// The file that `$GITHUB_ENV` names
    Github,
    /// An `EnvironmentFile` of systemd
    Systemd,
}

/// Variables as they are printed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct EnvAnswer {
    /// Each variable with what it is, in the order of the file.
    pub variables: Vec<Variable>,
    /// The text for who reads it.
    pub text: String,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// A variable.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What it is; `null` where it is taken away.
    pub value: Option<String>,
}

impl Noun for EnvAnswer {}

impl Op for Env {
    declare! { "env", Change at Machine with Acts, emits Never, answers EnvAnswer;
    "portward env" => "export DATABASE_URL='postgres://app@localhost:20332/shop'",
    "portward env web --format dotenv" => "what web is given, as a .env file",
    "portward env --unset" => "unset DATABASE_URL" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<EnvAnswer, Failure> {
        let loaded = load(cx)?;
        allowed(cx, &loaded)?;
        let service = self.service.as_deref().map(|name| service(&loaded, name)).transpose()?;
        let values = environment(cx, &loaded, service)?;
        let form = self.format.form();
        let names = || values.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let text = if self.unset { environment::unset(form, &names()) } else { environment::set(form, &values) };
        let text = text.map_err(|refused| told(&refused, self.format))?;
        let variable = |(name, value): (String, String)| Variable { name, value: (!self.unset).then_some(value) };
        let gaps = portward_store::gaps(&StateFolder::find(cx.caller));
        Ok(EnvAnswer { text, variables: values.into_iter().map(variable).collect(), gaps })
    }
}

impl Format {
    fn form(self) -> Form {
        match self {
            Self::Sh => Form::Sh,
            Self::Fish => Form::Fish,
            Self::Nu => Form::Nu,
            Self::PowerShell => Form::PowerShell,
            Self::Dotenv => Form::Dotenv,
            Self::Json => Form::Json,
            Self::Github => Form::Github,
            Self::Systemd => Form::Systemd,
        }
    }
}

fn told(refused: &Refused, format: Format) -> Failure {
    let word = format.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let name = Text::from(refused.name.as_str()).shown();
    if name.is_empty() {
        return Failure::usage(format!("Nothing is unset in the format {word}: {}.", refused.why))
            .hint("portward env --unset --format sh");
    }
    Failure::usage(format!("{name} {}, so nothing is printed in the format {word}.", refused.why))
        .hint(hint!("portward env --format json    carries everything"))
}
