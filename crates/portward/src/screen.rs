//! Where text goes: its width, its colours, and the difference between the answer and the talk.
//!
//! Long because what may act on a terminal is decided in one place.

use std::{
    borrow::Cow,
    ffi::OsString,
    io::{self, BufWriter, IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anstyle::{AnsiColor, Style};
use portward_model::{Hint, ShellLine, Text, acts, inert};

use crate::beside::{Beside, LONGEST};

/// The answer goes to standard output, hints and gaps to standard error. Colour and width are looked up
/// only when text is drawn, so that JSON pays for neither.
///
/// It is the last door: whatever is given to it as text leaves it inert. Colour is put into a line as marks, which become sequences
/// of the terminal here and nowhere else; a sequence, a newline or a character that nobody sees, which came in with somebody's
/// name, stands there as its escape.
pub(crate) struct Screen {
    out: BufWriter<Box<dyn Write + Send>>,
    when: Colour,
    /// The answer goes to standard error, and waits there for its reader when the flag says so.
    beside: Option<Arc<AtomicBool>>,
    looked: Option<Looks>,
    /// The words that were typed, for a hint that repeats them.
    typed: Vec<Text>,
    /// What is shown was read elsewhere: from a snapshot, or on another machine.
    elsewhere: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Colour {
    Auto,
    Always,
    Never,
}

/// What the terminal is like.
#[derive(Clone, Copy)]
struct Looks {
    colour: bool,
    width: Option<usize>,
}

/// What a piece of text is, which decides how it looks. Everything reads without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Ordinary text.
    Plain,
    /// Names of columns and labels.
    Label,
    /// Of less weight.
    Quiet,
    /// Deserves a look.
    Notice,
    /// Wrong, or exposed to strangers.
    Alarm,
    /// Right.
    Good,
    /// One of several that stand side by side, by its place among them.
    Beside(u8),
}

impl Tone {
    const ALL: [Self; 12] = [
        Self::Plain,
        Self::Label,
        Self::Quiet,
        Self::Notice,
        Self::Alarm,
        Self::Good,
        Self::Beside(0),
        Self::Beside(1),
        Self::Beside(2),
        Self::Beside(3),
        Self::Beside(4),
        Self::Beside(5),
    ];

    /// The colour of the one at this place; they come again after some.
    pub(crate) fn beside(place: usize) -> Self {
        Self::Beside(u8::try_from(place % BESIDE.len()).unwrap_or(0))
    }

    /// What stands before a piece of a line in this tone: a noncharacter, which no inert text holds.
    fn mark(self) -> char {
        match self {
            Self::Plain => END,
            Self::Label => '\u{fdd1}',
            Self::Quiet => '\u{fdd2}',
            Self::Notice => '\u{fdd3}',
            Self::Alarm => '\u{fdd4}',
            Self::Good => '\u{fdd5}',
            Self::Beside(place) => char::from_u32(FIRST_BESIDE + u32::from(place)).unwrap_or(END),
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Label => Style::new().bold(),
            Self::Quiet => Style::new().dimmed(),
            Self::Notice => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
            Self::Alarm => Style::new().fg_color(Some(AnsiColor::Red.into())),
            Self::Good => Style::new().fg_color(Some(AnsiColor::Green.into())),
            Self::Beside(place) => {
                let colour = BESIDE.get(usize::from(place)).copied().unwrap_or(AnsiColor::Cyan);
                Style::new().fg_color(Some(colour.into()))
            }
        }
    }
}

impl Screen {
    /// Standard output; `when` is what `--color` said.
    pub(crate) fn stdout(when: Option<&str>) -> Self {
        let when = match when {
            Some("always") => Colour::Always,
            Some("never") => Colour::Never,
            _ => Colour::Auto,
        };
        Self {
            out: BufWriter::with_capacity(64 * 1024, Box::new(io::stdout())),
            when,
            beside: None,
            looked: None,
            typed: Vec::new(),
            elsewhere: false,
        }
    }

    /// The same, with the answer on standard error: standard output is a program's. What nobody takes there at once is dropped,
    /// with an error of the kind `WouldBlock`, until [`Screen::wait`].
    pub(crate) fn beside_a_program(when: Option<&str>) -> Self {
        let waits = Arc::new(AtomicBool::new(false));
        let out = BufWriter::with_capacity(64 * 1024, Box::new(Beside::new(Arc::clone(&waits))) as Box<dyn Write + Send>);
        Self { out, beside: Some(waits), ..Self::stdout(when) }
    }

    /// The same, which knows what was typed, and whether what is shown was read elsewhere.
    pub(crate) fn after(self, typed: &[OsString], elsewhere: bool) -> Self {
        Self { typed: typed.iter().skip(1).map(|word| Text::new(word.as_encoded_bytes())).collect(), elsewhere, ..self }
    }

    /// True where what is shown was read elsewhere, so that no right of this reader reveals more.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.elsewhere
    }

    /// The command that was typed, as root would type it: all of its words, each as one.
    pub(crate) fn as_root(&self) -> Hint {
        let line = self.typed.iter().fold(ShellLine::from("sudo portward"), ShellLine::word).typeable();
        line.filter(|line| line.line().len() <= LONGEST_REPEATED).map_or_else(|| "the same command with sudo".into(), Hint::from)
    }

    /// A sheet of this width that takes the answer and the talk.
    #[cfg(debug_assertions)]
    pub(crate) fn paper(width: Option<usize>, colour: bool) -> (Self, Arc<std::sync::Mutex<Vec<u8>>>) {
        struct Paper(Arc<std::sync::Mutex<Vec<u8>>>);
        impl Write for Paper {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if let Ok(mut written) = self.0.lock() {
                    written.extend_from_slice(bytes);
                }
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let paper = Arc::default();
        let out = BufWriter::new(Box::new(Paper(Arc::clone(&paper))) as Box<dyn Write + Send>);
        let looked = Some(Looks { colour, width });
        (Self { out, beside: Some(Arc::default()), looked, ..Self::stdout(None) }, paper)
    }

    /// From now on what is said waits for its reader.
    pub(crate) fn wait(&self) {
        if let Some(waits) = &self.beside {
            waits.store(true, Ordering::Relaxed);
        }
    }

    /// Where the answer goes, for machines.
    pub(crate) fn out(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Columns of the terminal, or of `COLUMNS`; `None` for a pipe, which has no edge.
    pub(crate) fn width(&mut self) -> Option<usize> {
        self.looks().width
    }

    fn looks(&mut self) -> Looks {
        let (when, beside) = (self.when, self.beside.is_some());
        *self.looked.get_or_insert_with(|| {
            let terminal = if beside { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
            let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
            let colour = match when {
                Colour::Always => true,
                Colour::Never => false,
                Colour::Auto => terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
            };
            let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0);
            let size = || if beside { terminal_size::terminal_size_of(io::stderr()) } else { terminal_size::terminal_size() };
            let own = if terminal { size().map(|(width, _)| usize::from(width.0)) } else { None };
            Looks { colour, width: columns.or(own) }
        })
    }

    /// Text in a tone, for putting into a line.
    pub(crate) fn paint(&mut self, tone: Tone, text: &str) -> String {
        let text = inert(text);
        if tone == Tone::Plain || text.is_empty() || !self.looks().colour {
            return text.into_owned();
        }
        format!("{}{text}{END}", tone.mark())
    }

    /// Lets `write` add to a line, in a tone.
    pub(crate) fn tint(&mut self, line: &mut String, tone: Tone, write: impl FnOnce(&mut String)) {
        if tone == Tone::Plain || !self.looks().colour {
            return write(line);
        }
        line.push(tone.mark());
        write(line);
        line.push(END);
    }

    /// One line of the answer.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        let colour = !text.is_ascii() && self.looks().colour;
        self.out.write_all(drawn(text, colour).as_bytes())?;
        self.out.write_all(b"\n")
    }

    /// A text for another program, as it is. Where a person reads it instead, it is as inert as everything else.
    pub(crate) fn verbatim(&mut self, text: &str) -> io::Result<()> {
        if io::stdout().is_terminal() {
            return text.lines().try_for_each(|line| self.line(&inert(line)));
        }
        self.out.write_all(text.as_bytes())
    }

    /// A label in the margin and text beside it, wrapped to the terminal; further lines stand under the text.
    pub(crate) fn labelled(&mut self, label: &str, text: &str) -> io::Result<()> {
        self.labelled_in(Tone::Plain, label, text)
    }

    /// The same, with the text in a tone.
    pub(crate) fn labelled_in(&mut self, tone: Tone, label: &str, text: &str) -> io::Result<()> {
        let label = self.paint(Tone::Label, &format!("{label:<MARGIN$}"));
        self.hung((&label, &" ".repeat(MARGIN), MARGIN), tone, text)
    }

    /// A text behind what stands before its first line and what stands before further ones, both so wide, wrapped to the terminal.
    pub(crate) fn hung(&mut self, (first, further, wide): (&str, &str, usize), tone: Tone, text: &str) -> io::Result<()> {
        let room = self.width().map_or(usize::MAX, |width| width.saturating_sub(wide).max(20));
        let mut margin = first;
        for line in wrapped(text, room) {
            let line = self.paint(tone, &line);
            self.line(&format!("{margin}{line}"))?;
            margin = further;
        }
        Ok(())
    }

    /// What repairs something, and the command for it, which is copied whole: a line that ends within a command would be run half
    /// by whoever pastes it, so that it is left to the terminal to break it.
    pub(crate) fn repair(&mut self, label: &str, title: &str, command: &str) -> io::Result<()> {
        let command = inert(command).replace(' ', KEPT);
        self.labelled(label, &format!("{}: {command}", inert(title)))
    }

    /// Several texts, with the label beside the first.
    pub(crate) fn listed(&mut self, tone: Tone, label: &str, texts: impl IntoIterator<Item: AsRef<str>>) -> io::Result<()> {
        let mut label = label;
        texts.into_iter().try_for_each(|text| self.labelled_in(tone, std::mem::take(&mut label), text.as_ref()))
    }

    /// Facts beside a label, each with its source, quieter: the sources in a column where all have room for it.
    pub(crate) fn attributed<'a>(
        &mut self,
        tone: Tone,
        label: &str,
        rows: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) -> io::Result<()> {
        let long = |text: &str| text.chars().count();
        let facts = rows.clone().map(|(fact, _)| long(fact)).max().unwrap_or(0);
        let sources = rows.clone().map(|(_, source)| long(source)).max().unwrap_or(0);
        let room = self.width().map_or(usize::MAX, |width| width.saturating_sub(MARGIN).max(20));
        let edge = room.min(WIDEST);
        let column = if facts + GAP + sources <= edge { facts } else { 0 };
        let mut margin = self.paint(Tone::Label, &format!("{label:<MARGIN$}"));
        for (fact, source) in rows {
            let quiet = self.paint(Tone::Quiet, source);
            let mut lines = wrapped(fact, room);
            let last = lines.pop().unwrap_or_default();
            for line in lines {
                let line = self.paint(tone, &line);
                self.line(&format!("{margin}{line}"))?;
                margin = " ".repeat(MARGIN);
            }
            let pad = " ".repeat(column.saturating_sub(long(&last)) + GAP);
            let text = self.paint(tone, &last);
            if long(&last) + GAP + long(source) <= room {
                self.line(&format!("{margin}{text}{pad}{quiet}"))?;
            } else {
                self.line(&format!("{margin}{text}"))?;
                self.line(&format!("{}{quiet}", " ".repeat(MARGIN + GAP)))?;
            }
            margin = " ".repeat(MARGIN);
        }
        Ok(())
    }

    /// A paragraph, wrapped to the terminal.
    pub(crate) fn paragraph(&mut self, tone: Tone, text: &str) -> io::Result<()> {
        let room = self.width().unwrap_or(usize::MAX);
        for line in wrapped(text, room) {
            let line = self.paint(tone, &line);
            self.line(&line)?;
        }
        Ok(())
    }

    /// An empty line between the answer and the talk.
    pub(crate) fn apart(&mut self) -> io::Result<()> {
        self.said("\n")
    }

    /// A remark with its next step, to standard error, after what was said so far.
    pub(crate) fn remark(&mut self, text: &str, hint: impl Next) -> io::Result<()> {
        let width = self.looked.and_then(|looks| looks.width).unwrap_or(usize::MAX);
        let text = wrapped(text, width).join("\n");
        let hint = hint.next();
        let hint = hint.as_ref().map(Hint::words);
        let line = match hint {
            None => format!("{text}\n"),
            Some(hint) if text.is_empty() => format!("hint: {hint}\n"),
            Some(hint) => {
                let fits = text.chars().count() + hint.chars().count() + 9 <= width;
                format!("{text}{}hint: {hint}\n", if fits { "   " } else { "\n" })
            }
        };
        self.said(&line)
    }

    /// In one piece: a program that shares the stream must not come between a line and its end.
    fn said(&mut self, line: &str) -> io::Result<()> {
        self.out.flush()?;
        if self.beside.is_some() {
            self.out.write_all(cut(line).as_bytes())?;
            return self.out.flush();
        }
        io::stderr().lock().write_all(line.as_bytes())
    }
}

/// What stands behind a remark: a hint, one of this program's own, or nothing.
pub(crate) trait Next {
    /// The hint.
    fn next(self) -> Option<Hint>;
}

impl Next for () {
    fn next(self) -> Option<Hint> {
        None
    }
}

impl Next for &'static str {
    fn next(self) -> Option<Hint> {
        Some(self.into())
    }
}

impl Next for Hint {
    fn next(self) -> Option<Hint> {
        Some(self)
    }
}

impl Next for Option<Hint> {
    fn next(self) -> Option<Hint> {
        self
    }
}

/// A line as it goes to the terminal: marks as the sequences that they stand for, and everything else inert.
fn drawn(text: &str, colour: bool) -> Cow<'_, str> {
    if !colour {
        return inert(text);
    }
    if !text.chars().any(acts) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find(acts) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let c = after.chars().next().unwrap_or(END);
        let (this, next) = after.split_at(c.len_utf8());
        match Tone::ALL.into_iter().find(|tone| tone.mark() == c) {
            Some(Tone::Plain) => out.push_str("\u{1b}[0m"),
            Some(tone) => out.push_str(&tone.style().to_string()),
            None => out.push_str(&inert(this)),
        }
        rest = next;
    }
    out.push_str(rest);
    out.into()
}

/// What stands behind a piece of a line that is in a tone.
const END: char = '\u{fdd0}';

/// A remark as long as one piece can be.
fn cut(line: &str) -> Cow<'_, str> {
    if line.len() <= LONGEST {
        return line.into();
    }
    let end = "…\n";
    let room = line.floor_char_boundary(LONGEST - end.len());
    format!("{}{end}", line.get(..room).unwrap_or_default()).into()
}

fn wrapped(text: &str, room: usize) -> Vec<String> {
    let kept: Vec<Cow<'_, str>> = text.split(KEPT).map(inert).collect();
    let text = kept.join(if room == usize::MAX { " " } else { KEPT });
    if room == usize::MAX {
        return vec![text];
    }
    textwrap::wrap(&text, textwrap::Options::new(room).break_words(false).word_splitter(textwrap::WordSplitter::NoHyphenation))
        .into_iter()
        .map(|line| line.replace(KEPT, " "))
        .collect()
}

/// A blank at which no line ends, while lines are broken: a noncharacter, which no inert text holds.
const KEPT: &str = "\u{fdd6}";

/// The mark of the first of those that stand side by side; the others follow.
const FIRST_BESIDE: u32 = 0xfdd7;
/// Their colours: none of them means that something is wrong.
const BESIDE: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::BrightCyan,
    AnsiColor::BrightMagenta,
    AnsiColor::BrightBlue,
];
/// A command that is repeated in a hint is no longer.
const LONGEST_REPEATED: usize = 200;
/// Width of the margin that labels stand in; every label is shorter.
const MARGIN: usize = 10;
/// Between a fact and its source.
const GAP: usize = 3;
/// A column of sources stands no further right than this, however wide the terminal.
const WIDEST: usize = 120;

#[cfg(test)]
mod tests;
