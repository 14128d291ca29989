//! The lines that findings would write, offered one by one.

use portward_model::{Edit, Sentence};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Found;
use crate::{Acts, Context, Failure};

/// A line that was offered, and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Applied {
    /// What it does.
    pub title: String,
    /// The line.
    pub edit: Edit,
    /// What became of it.
    pub fate: Fate,
    /// Why it was not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<Sentence>,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It was written.
    Written,
    /// Nobody wanted it, or nobody was there to ask.
    Declined,
    /// It could not be written.
    Failed,
}

/// Shows the first line of each finding as a patch, and writes it on yes. What was written is not written over: of two findings in one
/// line the second is told as not written, and is offered the next time.
pub(super) fn offer(cx: &Context<'_, Acts>, findings: &[Found], yes: bool) -> Result<Vec<Applied>, Failure> {
    let mut applied: Vec<Applied> = Vec::new();
    for Found { finding, .. } in findings {
        cx.still_wanted()?;
        let Some((title, edit)) =
            finding.remedies.iter().find_map(|remedy| Some((remedy.title.clone(), remedy.edits()?.clone())))
        else {
            continue;
        };
        let became = |fate, because: Option<Sentence>| Applied { title: title.clone(), edit: edit.clone(), fate, because };
        if applied
            .iter()
            .any(|known| known.fate == Fate::Written && (&known.edit.file, known.edit.line) == (&edit.file, edit.line))
        {
            applied.push(became(Fate::Failed, Some("another fix has written this line; check once more".into())));
            continue;
        }
        let question = format!("{}\n{title}\n{}\nWrite it?", finding.summary, crate::op::doctor::diff(&edit));
        let agreed = if yes { Some(true) } else { cx.prompt.confirm(&question) };
        applied.push(match agreed {
            Some(true) => match cx.machine.edit(&edit).map_err(Failure::from) {
                Ok(()) => became(Fate::Written, None),
                Err(failure) => became(Fate::Failed, Some(failure.message.trim_end_matches('.').to_owned().into())),
            },
            Some(false) => became(Fate::Declined, None),
            None => became(Fate::Declined, Some("nobody is there to ask; --yes agrees to every line".into())),
        });
    }
    Ok(applied)
}
