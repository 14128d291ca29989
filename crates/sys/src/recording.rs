//! A machine that notes everything that is asked of it.

use std::{
    mem,
    sync::{Mutex, PoisonError},
};

use portward_model::{Gap, Met, Socket};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Act, Answer, Deed, Dial, Dialled, Dialling, Done, Look, Reading, SysError};

/// One question of a recording, and what was heard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The question; equal questions are equal texts.
    pub(crate) asked: String,
    /// The answer.
    pub(crate) heard: Heard,
}

/// What a machine had to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Heard {
    /// The answer to a reading.
    Answer(Answer),
    /// Sockets, one after another, and what could not be seen.
    Sockets(Vec<Socket>, Vec<Gap>),
    /// What a connection met.
    Dialled(Dialled),
    /// What was read beside the machine.
    Noted(Value),
    /// An error.
    Failed {
        /// As it is told.
        said: String,
        /// True when more privilege would have changed that.
        denied: bool,
    },
    /// The same as the last time that this was asked.
    Again,
}

/// Passes everything on to a machine, and keeps each question with its answer. Nothing can be done through it.
pub struct Recording<'m> {
    machine: &'m dyn Dial,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    entries: Vec<Entry>,
    /// Where the last answer to each question stands.
    last: FxHashMap<String, usize>,
}

impl<'m> Recording<'m> {
    /// Of this machine.
    pub fn of(machine: &'m dyn Dial) -> Self {
        Self { machine, kept: Mutex::default() }
    }

    /// What was asked so far, in order; the recording begins anew.
    pub fn take(&self) -> Vec<Entry> {
        mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner)).entries
    }

    fn keep(&self, asked: String, heard: Heard) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.last.get(&asked).and_then(|at| kept.entries.get(*at));
        let heard = if known.is_some_and(|known| known.heard == heard) {
            Heard::Again
        } else {
            let at = kept.entries.len();
            kept.last.insert(asked.clone(), at);
            heard
        };
        kept.entries.push(Entry { asked, heard });
    }
}

impl Look for Recording<'_> {
    fn read(&self, reading: &Reading<'_>, each: &mut dyn FnMut(Socket)) -> Result<Answer, SysError> {
        // What is masked in a recording stays so.
        if matches!(reading, Reading::Arguments(_) | Reading::Sources(_)) {
            return Err(SysError::NotRecorded { what: reading.words().to_owned() });
        }
        let mut sockets = Vec::new();
        let answer = self.machine.read(reading, &mut |socket| {
            sockets.push(socket.clone());
            each(socket);
        });
        let heard = match &answer {
            Ok(Answer::Sockets(gaps)) => Heard::Sockets(sockets, gaps.clone()),
            Ok(answer) => Heard::Answer(answer.clone()),
            Err(error) => Heard::failed(error),
        };
        self.keep(reading.question(), heard);
        answer
    }

    fn noted(&self, what: &str, find: &mut dyn FnMut() -> Value) -> Value {
        let value = self.machine.noted(what, find);
        self.keep(what.to_owned(), Heard::Noted(value.clone()));
        value
    }
}

impl Dial for Recording<'_> {
    fn dial(&self, dialling: Dialling<'_>) -> Result<Dialled, SysError> {
        let question = dialogue(&dialling);
        let dialled = self.machine.dial(dialling);
        let heard = match &dialled {
            Ok(dialled) => Heard::Dialled(dialled.clone()),
            Err(error) => Heard::failed(error),
        };
        self.keep(question, heard);
        dialled
    }
}

impl Act for Recording<'_> {
    fn act(&self, deed: &Deed<'_>) -> Result<Done, SysError> {
        Err(SysError::Unsupported { what: format!("`{}` while it is recorded", deed.name().replace('_', " ")) })
    }
}

impl Heard {
    fn failed(error: &SysError) -> Self {
        Self::Failed { said: error.to_string(), denied: error.is_denied() }
    }

    /// Answers a reading as it was answered then.
    pub(crate) fn read(&self, each: &mut dyn FnMut(Socket)) -> Result<Answer, SysError> {
        match self {
            Self::Answer(answer) => Ok(answer.clone()),
            Self::Sockets(sockets, gaps) => {
                sockets.iter().cloned().for_each(each);
                Ok(Answer::Sockets(gaps.clone()))
            }
            Self::Failed { said, denied } => Err(SysError::Recorded { said: said.clone(), denied: *denied }),
            Self::Dialled(_) | Self::Noted(_) | Self::Again => Err(SysError::mismatch("a reading")),
        }
    }

    /// Answers a connection as it was answered then.
    pub(crate) fn dial(&self, dialling: &mut Dialling<'_>) -> Result<Dialled, SysError> {
        match self {
            Self::Dialled(dialled) => {
                if u128::from(dialled.took_us) >= dialling.patience.as_micros() {
                    (dialling.pending)();
                }
                if dialled.met == Met::Connected {
                    (dialling.connected)();
                }
                Ok(dialled.clone())
            }
            Self::Failed { said, denied } => Err(SysError::Recorded { said: said.clone(), denied: *denied }),
            Self::Answer(_) | Self::Sockets(..) | Self::Noted(_) | Self::Again => Err(SysError::mismatch("a connection")),
        }
    }
}

/// A connection as a question: where to, and what is said there.
pub(crate) fn dialogue(dialling: &Dialling<'_>) -> String {
    let said = dialling.talk.as_ref().map(|talk| talk.said);
    let secured = dialling.talk.as_ref().and_then(|talk| talk.tls.as_ref());
    let secured = secured.map_or_else(String::new, |tls| format!(", {tls:?}"));
    format!("dial({}, {said:?}{secured})", dialling.at)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::Recording;
    use crate::{Look, this_machine};

    #[test]
    fn what_is_masked_is_not_recorded() {
        let machine = this_machine().unwrap();
        let own: Vec<_> = machine.processes(&[std::process::id()]).unwrap().iter().map(|process| process.id).collect();
        assert!(machine.arguments(&own).unwrap().iter().any(|(process, _)| process.pid == std::process::id()));
        let recording = Recording::of(machine.as_ref());
        assert!(recording.arguments(&own).is_err());
        assert!(recording.take().is_empty());
    }
}
