//! Why a target was not reached, as the doctor says it in short.

use std::time::{Duration, Instant};

use portward_keeper::HowEnded;
use portward_model::Sentence;

use super::target::Aim;
use crate::{Acts, Context, Op, Sink, op::doctor::Ask};

/// The last cause, so that a storm of refusals is one inquiry in a few seconds.
pub(super) struct Causes {
    words: String,
    asked: Option<String>,
    last: Option<(Instant, HowEnded, Sentence)>,
}

impl Causes {
    pub(super) fn of(aim: &Aim) -> Self {
        Self { words: aim.words.clone(), asked: aim.asked.clone(), last: None }
    }

    /// Why.
    pub(super) fn because(&mut self, cx: &Context<'_, Acts>, how: HowEnded) -> Sentence {
        let now = cx.now();
        if let Some((at, last, said)) = &self.last
            && *last == how
            && now.saturating_duration_since(*at) < AGAIN
        {
            return said.clone();
        }
        let said = self.found(cx).unwrap_or_else(|| self.plain(how));
        self.last = Some((cx.now(), how, said.clone()));
        said
    }

    fn found(&self, cx: &Context<'_, Acts>) -> Option<Sentence> {
        let ask = Ask { target: Some(self.asked.clone()?), ..Ask::default() };
        let examined = ask.run(&cx.dials(), &mut Sink::new(&mut |_| true)).ok()?;
        examined.causes.first().map(|cause| cause.summary.clone())
    }

    fn plain(&self, how: HowEnded) -> Sentence {
        match how {
            HowEnded::Refused(errno) => {
                format!("{} was not reached: {}.", self.words, std::io::Error::from_raw_os_error(errno)).into()
            }
            _ => format!("{} did not answer.", self.words).into(),
        }
    }
}

/// How long an answer stands.
const AGAIN: Duration = Duration::from_secs(5);
