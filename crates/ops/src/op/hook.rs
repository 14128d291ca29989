//! `portward hook`

use clap::{Args, ValueEnum};
use portward_model::{Failure, Sentence};
use portward_reading::project::{Loaded, find, permitted};
use portward_sys::digest;
use portward_wire::environment::{nu, power, sh};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Acts, Context, Never, Noun, Op, Sink,
    document::Gap,
    project::{STAMP, environment, stamp},
};

/// Print what lets a shell load a project's variables when you enter it, and take them away when you leave
///
/// `eval "$(portward hook bash)"` in ~/.bashrc, `eval "$(portward hook zsh)"` in ~/.zshrc, `portward hook fish | source` in fish's
/// configuration, `portward hook powershell | Out-String | Invoke-Expression` in a PowerShell profile; for Nushell it is a file that
/// the configuration sources. Before each prompt the shell asks what has changed. A portward.toml that was not allowed sets nothing, which one
/// line says. What a variable was before comes back when you leave.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hook {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Option<HookShell>,
    /// What the shell has loaded: print what to do now
    #[arg(long, value_name = "STAMP", hide = true)]
    pub now: Option<String>,
}

/// A shell that has a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HookShell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
    /// Nushell
    #[value(alias = "nushell")]
    Nu,
    /// PowerShell
    #[value(name = "powershell", alias = "pwsh")]
    PowerShell,
}

/// What a shell is to do.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HookAnswer {
    /// The text for the shell.
    pub text: String,
    /// What the person is told, where there is something.
    pub said: Option<Sentence>,
    /// How it stands with the folder.
    pub state: HookState,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// How it stands with the folder that a shell is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HookState {
    /// This is the hook itself.
    Script,
    /// No project declares anything here.
    Nothing,
    /// Its variables are to be loaded.
    Loaded,
    /// Its file was not allowed as it is now.
    Forbidden,
    /// Its file, or what it needs, is faulty.
    Faulty,
    /// The shell has all of it already.
    Unchanged,
}

impl Noun for HookAnswer {}

impl Op for Hook {
    declare! { "hook", Change at Machine with Acts, emits Never, answers HookAnswer;
    "eval \"$(portward hook bash)\"" => "in ~/.bashrc: variables come and go with the folder",
    "portward hook fish | source" => "the same in fish" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<HookAnswer, Failure> {
        let Some(shell) = self.shell else {
            return Err(
                Failure::usage("Which shell is it for?").hint("eval \"$(portward hook bash)\"    or zsh, fish, nu, powershell")
            );
        };
        let Some(before) = self.now else {
            return Ok(HookAnswer { text: shell.script().to_owned(), said: None, state: HookState::Script, gaps: Vec::new() });
        };
        let here = Here::of(cx);
        if here.stamp == before {
            return Ok(HookAnswer { text: String::new(), said: None, state: HookState::Unchanged, gaps: Vec::new() });
        }
        Ok(HookAnswer { text: shell.told(&here), said: here.said, state: here.state, gaps: Vec::new() })
    }
}

/// What belongs to the folder that the shell is in.
struct Here {
    /// What this is known by: another one as soon as anything of it is different.
    stamp: String,
    values: Vec<(String, String)>,
    said: Option<Sentence>,
    state: HookState,
}

impl Here {
    fn of(cx: &Context<'_, Acts>) -> Self {
        let nothing = |state, said: Option<Sentence>, stamp| Self { stamp, values: Vec::new(), said, state };
        let faulty = |failure: &Failure| {
            let hint = failure.hint.as_ref().map(|hint| format!(" hint: {hint}")).unwrap_or_default();
            let stamp = format!("!{}", digest(&[failure.message.as_bytes()]).get(..STAMP).unwrap_or_default());
            nothing(HookState::Faulty, Some(format!("portward: {}{hint}", failure.message).into()), stamp)
        };
        let (identity, file) = match find(cx) {
            Ok((Some(identity), Some(file))) => (identity, file),
            Ok(_) => return nothing(HookState::Nothing, None, String::new()),
            Err(failure) => return faulty(&failure),
        };
        // What was not allowed is not even read.
        if !permitted(cx, &file) {
            let said =
                format!("portward: {} is not allowed as it is now; portward allow shows what it would do, and asks.", file.path);
            return nothing(HookState::Forbidden, Some(said.into()), format!("!{}", file.hash.get(..STAMP).unwrap_or_default()));
        }
        let values = file.plan().and_then(|plan| {
            let loaded = Loaded { identity: Some(identity.clone()), plan, file: Some(file.clone()) };
            environment(cx, &loaded, None)
        });
        match values {
            Ok(values) => Self { stamp: stamp(&identity, &file, &values), values, said: None, state: HookState::Loaded },
            Err(failure) => faulty(&failure),
        }
    }
}

impl HookShell {
    /// The hook itself.
    fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("hook/hook.bash"),
            Self::Zsh => include_str!("hook/hook.zsh"),
            Self::Fish => include_str!("hook/hook.fish"),
            Self::Nu => include_str!("hook/hook.nu"),
            Self::PowerShell => include_str!("hook/hook.ps1"),
        }
    }

    /// What the hook is to do: take away what it loaded, and load this. Nushell evaluates no text and is given values.
    fn told(self, here: &Here) -> String {
        let quote: fn(&str) -> String = match self {
            Self::Bash | Self::Zsh => sh,
            Self::Fish => |value| format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'")),
            Self::PowerShell => power,
            Self::Nu => nu,
        };
        if self == Self::Nu {
            let set: serde_json::Map<_, _> = here.values.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            return json!({ "stamp": here.stamp, "set": set }).to_string() + "\n";
        }
        let mut text = String::from("__portward_unload\n");
        for (name, value) in &here.values {
            text.push_str(&["__portward_set ", name, " ", &quote(value), "\n"].concat());
        }
        text.push_str(&["__portward_stamp ", &quote(&here.stamp), "\n"].concat());
        text
    }
}
