//! What a wording means: one rule for each, written as data.

use super::{Call, Symptom};

/// A wording of one program, or of all, and what it means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// All of them stand in the line, in any order and case. The address is looked for near the first.
    pub(super) needles: &'static [&'static str],
    pub(super) symptom: Symptom,
    pub(super) program: Option<&'static str>,
    pub(super) call: Option<Call>,
    /// The error number that the wording stands for, unless the line gives another.
    pub(super) errno: Option<i32>,
    pub(super) says: Option<&'static str>,
    /// The address follows these words, where others in the line would mislead.
    pub(super) after: Option<&'static str>,
    pub(super) standing: Standing,
    /// True for a wording that explains every other in its line.
    pub(super) sure: bool,
    /// True where an address in the line is the client's own, or a server's that answered: nobody failed to reach it.
    pub(super) nowhere: bool,
}

/// How much of the rest an error explains.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Standing {
    /// A warning, or an attempt that is repeated.
    Noise,
    /// What follows from another error.
    Echo,
    /// An error.
    Plain,
}

/// A sign of a program in lines whose wording is common to many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(pub(super) &'static str, pub(super) &'static str);

/// A table of rules. A line is a wording: its program, the needles, the symptom, the call that failed and its error number,
/// as far as they are known; after a comma, what a method of [`Rule`] adds.
macro_rules! rules {
    (
        $($($program:literal)? [$($needle:literal),+] $symptom:ident $($call:ident)? $($errno:literal)? $(, $more:ident $($word:literal)?)*;)*
    ) => {
        pub(super) const RULES: &[crate::paste::rule::Rule] = &[$(
            crate::paste::rule::rule(&[$($needle),+], crate::Symptom::$symptom)
                $(.of($program))?
                $(.call(crate::Call::$call))?
                $(.errno($errno))?
                $(.$more($($word)?))*,
        )*];
    };
}
pub(super) use rules;

/// A rule that knows a wording and its symptom alone.
pub(super) const fn rule(needles: &'static [&'static str], symptom: Symptom) -> Rule {
    Rule {
        needles,
        symptom,
        program: None,
        call: None,
        errno: None,
        says: None,
        after: None,
        standing: Standing::Plain,
        sure: false,
        nowhere: false,
    }
}

impl Rule {
    pub(super) const fn of(self, program: &'static str) -> Self {
        Self { program: Some(program), ..self }
    }

    pub(super) const fn call(self, call: Call) -> Self {
        Self { call: Some(call), ..self }
    }

    pub(super) const fn errno(self, errno: i32) -> Self {
        Self { errno: Some(errno), ..self }
    }

    pub(super) const fn says(self, code: &'static str) -> Self {
        Self { says: Some(code), ..self }
    }

    pub(super) const fn after(self, words: &'static str) -> Self {
        Self { after: Some(words), ..self }
    }

    pub(super) const fn echo(self) -> Self {
        Self { standing: Standing::Echo, ..self }
    }

    pub(super) const fn noise(self) -> Self {
        Self { standing: Standing::Noise, ..self }
    }

    pub(super) const fn sure(self) -> Self {
        Self { sure: true, ..self }
    }

    pub(super) const fn nowhere(self) -> Self {
        Self { nowhere: true, ..self }
    }

    /// How specific the wording is: the longer, the more; one of a program before one of all.
    pub(super) fn weight(&self) -> usize {
        let length: usize = self.needles.iter().map(|needle| needle.len()).sum();
        length + if self.program.is_some() { 24 } else { 0 } + if self.sure { 500 } else { 0 }
    }
}
