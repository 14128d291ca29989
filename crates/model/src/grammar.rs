//! How the command line of an interpreter, a runner or a wrapper is read, up to the program that it runs.
//!
//! What a program is must survive the options of what runs it: `python3 -X utf8 -m flask run` is Flask, `node -C dev proxy.js` is
//! `proxy`, `env -u HOME vite` is Vite. So there is one table of options with values, `table.rs`, from each program's own
//! documentation, and whoever looks for a script, a tool or a word of a command line asks here.

mod table;

use table::{GRAMMARS, Style};

/// What is known of the options of some programs that share them.
pub struct Grammar {
    /// Their names, parted by spaces. A version may follow: `python3.13`.
    names: &'static str,
    style: Style,
    /// A word for each option, and for each first word with a meaning. `table.rs` says what its last sign means.
    signs: &'static str,
}

/// What a command line runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs<'a> {
    /// A script, a module, an archive, a class or a tool, and the position of its argument.
    Program {
        /// Which argument names it.
        at: usize,
        /// What it is called there; of a glued option what follows the letter.
        name: &'a [u8],
    },
    /// Code that stands in the arguments, or comes from standard input.
    Code,
    /// Nothing but the program itself: a server that is built into it, or a command of its own.
    Itself,
    /// Nothing was named: it waits for a person, or for standard input.
    Nothing,
}

/// One part of a command line behind the program's own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// An option, without its value.
    Option {
        /// Its name, with its dashes.
        name: &'a [u8],
        /// Its value, and the position of the argument that it stands in.
        value: Option<(usize, &'a [u8])>,
    },
    /// A word that is no option, and its position.
    Word(usize, &'a [u8]),
}

impl Grammar {
    /// That of a program, by its name or path; `None` where nothing is known of its options.
    pub fn of(program: &[u8]) -> Option<&'static Self> {
        let base = program.rsplit(|byte| *byte == b'/').next().unwrap_or(program);
        let base = base.strip_prefix(b"-").unwrap_or(base);
        let first = base.first()?;
        let is = |name: &str| name.as_bytes().first() == Some(first) && is_version(base.strip_prefix(name.as_bytes()));
        GRAMMARS.iter().find(|grammar| grammar.names.split(' ').any(is))
    }

    /// True where it is that of an interpreter of a language: its own name says less than that of what it runs.
    pub fn interprets(&self) -> bool {
        matches!(self.style, Style::Bundled | Style::Alone)
    }

    /// True where what runs is another program that the command line names.
    pub fn starts_others(&self) -> bool {
        !matches!(self.style, Style::Tunnel | Style::Flags)
    }

    /// The first word that is neither an option nor a value of one: what a runner is told to do.
    pub fn verb<'a>(&'static self, argv: &'a [&'a [u8]]) -> Option<&'a [u8]> {
        self.items(argv).find_map(|item| match item {
            Item::Word(_, word) => Some(word),
            Item::Option { .. } => None,
        })
    }

    /// The parts of a command line, whose first word is the program.
    pub fn items<'a>(&'static self, argv: &'a [&'a [u8]]) -> Items<'a> {
        Items { grammar: self, argv, at: 1, letters: 0, ended: false }
    }

    /// What a command line runs, whose first word is the program.
    pub fn runs<'a>(&'static self, argv: &'a [&'a [u8]]) -> Runs<'a> {
        let mut passed = self.passed();
        let mut is_first = true;
        let mut wants_path = false;
        for item in self.items(argv) {
            let (at, word) = match item {
                Item::Option { name, value } => {
                    match self.sign(name) {
                        Some(Sign::Code) => return Runs::Code,
                        Some(Sign::Itself) => return Runs::Itself,
                        Some(Sign::Program) => {
                            return value.map_or(Runs::Nothing, |(at, name)| Runs::Program { at, name });
                        }
                        Some(Sign::Value | Sign::Glued | Sign::Path | Sign::Plain) | None => {}
                    }
                    continue;
                }
                Item::Word(_, b"-") if self.interprets() => return Runs::Code,
                Item::Word(at, word) => (at, word),
            };
            if self.has("=") && word.contains(&b'=') && !word.starts_with(b"/") {
                continue;
            }
            if passed > 0 {
                passed -= 1;
                continue;
            }
            if is_first {
                is_first = false;
                match self.sign(word) {
                    Some(Sign::Plain) => continue,
                    Some(Sign::Path) => {
                        wants_path = true;
                        continue;
                    }
                    Some(Sign::Code) => return Runs::Code,
                    Some(Sign::Itself) => return Runs::Itself,
                    None if self.has("^") => return Runs::Itself,
                    Some(Sign::Value | Sign::Glued | Sign::Program) | None => {}
                }
            }
            let is_path = word.iter().any(|byte| matches!(byte, b'/' | b'.'));
            if word.is_empty() || (wants_path && !is_path) || !self.takes(word) {
                return Runs::Itself;
            }
            return Runs::Program { at, name: word };
        }
        Runs::Nothing
    }

    /// What an option or a first word means.
    fn sign(&self, word: &[u8]) -> Option<Sign> {
        self.signs.split(' ').find_map(|sign| {
            let (name, sign) = Sign::of(sign);
            (!name.is_empty() && is_same(name.as_bytes(), word)).then_some(sign)
        })
    }

    fn has(&self, wanted: &str) -> bool {
        self.signs.split(' ').any(|sign| sign == wanted)
    }

    /// The number of words that stand before the program: `timeout 5 vite`.
    fn passed(&self) -> usize {
        self.signs.split(' ').find_map(|sign| sign.strip_prefix('#')?.parse().ok()).unwrap_or(0)
    }

    /// True for a word with an ending that it runs, where it does not run all.
    fn takes(&self, word: &[u8]) -> bool {
        let mut endings = self.signs.split(' ').filter_map(|sign| sign.strip_prefix('~')).peekable();
        endings.peek().is_none() || endings.any(|ending| word.to_ascii_lowercase().ends_with(ending.as_bytes()))
    }

    /// Where words with this beginning are options, too: `@arguments` of Java, `+nightly` of cargo.
    fn is_sigil(&self, byte: u8) -> bool {
        matches!(byte, b'@' | b'+') && self.signs.split(' ').any(|sign| sign.as_bytes() == [byte])
    }
}

/// What stands behind an option, or what a first word makes of those that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// A value, glued or as the next argument.
    Value,
    /// A value that is glued if there is one.
    Glued,
    /// Code.
    Code,
    /// What is run.
    Program,
    /// Whatever follows, the program itself runs.
    Itself,
    /// A word behind which only a path is a program, and any other word a name of the program's own.
    Path,
    /// A word that stands before what is run.
    Plain,
}

impl Sign {
    fn of(word: &'static str) -> (&'static str, Self) {
        let (name, sign) = match word.as_bytes().last() {
            Some(b':') => (word.strip_suffix(':'), Self::Value),
            Some(b'*') => (word.strip_suffix('*'), Self::Glued),
            Some(b'!') => (word.strip_suffix('!'), Self::Code),
            Some(b'>') => (word.strip_suffix('>'), Self::Program),
            Some(b'^') => (word.strip_suffix('^'), Self::Itself),
            Some(b'/') => (word.strip_suffix('/'), Self::Path),
            _ => (Some(word), Self::Plain),
        };
        (name.unwrap_or(word), sign)
    }
}

/// True for equal names; Node takes `_` for `-`, and no other program has an option in which one could be meant for the other.
fn is_same(known: &[u8], word: &[u8]) -> bool {
    let plain = |byte: &u8| if *byte == b'_' { b'-' } else { *byte };
    known.len() == word.len() && known.iter().zip(word).all(|(one, other)| *one == plain(other))
}

/// True for what may follow the name of a program: nothing, or a version such as `3.13t`.
fn is_version(rest: Option<&[u8]>) -> bool {
    let Some(rest) = rest else { return false };
    let digits = rest.strip_suffix(b"t").unwrap_or(rest);
    let starts = digits.first().is_some_and(|first| first.is_ascii_digit() || *first == b'-');
    rest.is_empty() || (starts && digits.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-')))
}

/// The parts of a command line, one after another.
pub struct Items<'a> {
    grammar: &'static Grammar,
    argv: &'a [&'a [u8]],
    at: usize,
    /// How many bytes of the present argument were read, where it is letters behind one dash.
    letters: usize,
    /// Behind `--` everything is a word.
    ended: bool,
}

impl<'a> Items<'a> {
    /// The words that are left, as they are: behind what is run everything is its own.
    pub fn rest(&self) -> &'a [&'a [u8]] {
        self.argv.get(self.at..).unwrap_or_default()
    }

    /// The next argument as a value.
    fn next_value(&mut self) -> Option<(usize, &'a [u8])> {
        let at = self.at;
        let value = self.argv.get(at)?;
        self.at += 1;
        Some((at, value))
    }

    fn long(&mut self, word: &'a [u8]) -> Item<'a> {
        let at = self.at;
        self.at += 1;
        let parted = word.iter().position(|byte| *byte == b'=');
        let name = word.get(..parted.unwrap_or(word.len())).unwrap_or(word);
        let value = match (parted, self.grammar.sign(name)) {
            (Some(sign), _) => word.get(sign + 1..).map(|value| (at, value)),
            (None, Some(Sign::Value | Sign::Code | Sign::Program)) => self.next_value(),
            (None, _) => None,
        };
        Item::Option { name, value }
    }

    /// One letter of those behind one dash; the first with a value has the rest of the argument, or the next one.
    fn letter(&mut self, word: &'a [u8]) -> Item<'a> {
        let at = self.at;
        let letter = self.letters;
        self.letters += 1;
        // Its name is the dash and the letter, which stand together only for the first.
        let name = table::letter(word.get(letter).copied().unwrap_or_default());
        let rest = word.get(letter + 1..).unwrap_or_default();
        let sign = self.grammar.sign(name);
        let is_last = rest.is_empty() || matches!(sign, Some(Sign::Value | Sign::Glued | Sign::Code | Sign::Program));
        if !is_last {
            return Item::Option { name, value: None };
        }
        self.letters = 0;
        self.at += 1;
        let value = match sign {
            Some(Sign::Value | Sign::Code | Sign::Program) if rest.is_empty() => self.next_value(),
            Some(_) if !rest.is_empty() => Some((at, rest.strip_prefix(b"=").unwrap_or(rest))),
            _ => None,
        };
        Item::Option { name, value }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let word: &'a [u8] = self.argv.get(self.at)?;
        if self.letters > 0 {
            return Some(self.letter(word));
        }
        let is_sigil = word.first().is_some_and(|first| self.grammar.is_sigil(*first));
        let is_option = !self.ended && word.len() > 1 && (word.starts_with(b"-") || is_sigil);
        if word == b"--" && !self.ended && self.grammar.sign(word).is_none() {
            self.ended = true;
            self.at += 1;
            return self.next();
        }
        if !is_option {
            self.at += 1;
            return Some(Item::Word(self.at - 1, word));
        }
        // `-cp` is one option of Java, and `-20` one of nice.
        let alone = word.starts_with(b"--") || !self.grammar.style.bundles() || self.grammar.sign(word).is_some();
        if alone {
            return Some(self.long(word));
        }
        self.letters = 1;
        Some(self.letter(word))
    }
}

#[cfg(test)]
mod tests;
