//! Where text goes: its width, its colours, and the difference between the answer and the talk.

use std::{
    ffi::OsString,
    io::{self, BufWriter, IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anstyle::{AnsiColor, Style};

use crate::beside::{Beside, LONGEST};

/// The answer goes to standard output, hints and gaps to standard error. Colour and width are looked up
/// only when text is drawn, so that JSON pays for neither.
pub(crate) struct Screen {
    out: BufWriter<Box<dyn Write + Send>>,
    when: Colour,
    /// The answer goes to standard error, and waits there for its reader when the flag says so.
    beside: Option<Arc<AtomicBool>>,
    looked: Option<Looks>,
    /// The words that were typed, for a hint that repeats them.
    typed: Vec<String>,
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
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Label => Style::new().bold(),
            Self::Quiet => Style::new().dimmed(),
            Self::Notice => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
            Self::Alarm => Style::new().fg_color(Some(AnsiColor::Red.into())),
            Self::Good => Style::new().fg_color(Some(AnsiColor::Green.into())),
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
        }
    }

    /// The same, with the answer on standard error: standard output is a program's. What nobody takes there at once is dropped,
    /// with an error of the kind `WouldBlock`, until [`Screen::wait`].
    pub(crate) fn beside_a_program(when: Option<&str>) -> Self {
        let waits = Arc::new(AtomicBool::new(false));
        let out = BufWriter::with_capacity(64 * 1024, Box::new(Beside::new(Arc::clone(&waits))) as Box<dyn Write + Send>);
        Self { out, beside: Some(waits), ..Self::stdout(when) }
    }

    /// The same, which knows what was typed.
    pub(crate) fn after(self, typed: &[OsString]) -> Self {
        let shown = typed.iter().skip(1).map(|word| portward_model::Text::new(word.as_encoded_bytes()).shown());
        Self { typed: shown.filter(|word| !word.contains(' ')).take(6).collect(), ..self }
    }

    /// The command that was typed, as root would type it.
    pub(crate) fn as_root(&self) -> String {
        format!("sudo portward {}", self.typed.join(" ")).trim_end().to_owned()
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
        if tone == Tone::Plain || text.is_empty() || !self.looks().colour {
            return text.to_owned();
        }
        let style = tone.style();
        format!("{style}{text}{style:#}")
    }

    /// Lets `write` add to a line, in a tone.
    pub(crate) fn tint(&mut self, line: &mut String, tone: Tone, write: impl FnOnce(&mut String)) {
        use std::fmt::Write as _;
        if tone == Tone::Plain || !self.looks().colour {
            return write(line);
        }
        let style = tone.style();
        let _ = write!(line, "{style}");
        write(line);
        let _ = write!(line, "{style:#}");
    }

    /// One line of the answer.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")
    }

    /// A label in the margin and text beside it, wrapped to the terminal; further lines stand under the text.
    pub(crate) fn labelled(&mut self, label: &str, text: &str) -> io::Result<()> {
        self.labelled_in(Tone::Plain, label, text)
    }

    /// The same, with the text in a tone.
    pub(crate) fn labelled_in(&mut self, tone: Tone, label: &str, text: &str) -> io::Result<()> {
        let room = self.width().map_or(usize::MAX, |width| width.saturating_sub(MARGIN).max(20));
        let label = self.paint(Tone::Label, &format!("{label:<MARGIN$}"));
        let mut margin = label.as_str();
        let empty = " ".repeat(MARGIN);
        for line in wrapped(text, room) {
            let line = self.paint(tone, &line);
            self.line(&format!("{margin}{line}"))?;
            margin = &empty;
        }
        Ok(())
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

    /// A remark with its next step, to standard error, after what was said so far.
    pub(crate) fn remark(&mut self, text: &str, hint: Option<&str>) -> io::Result<()> {
        self.out.flush()?;
        let width = self.looked.and_then(|looks| looks.width).unwrap_or(usize::MAX);
        let text = wrapped(text, width).join("\n");
        let line = match hint {
            None => format!("{text}\n"),
            Some(hint) if text.is_empty() => format!("hint: {hint}\n"),
            Some(hint) => {
                let fits = text.chars().count() + hint.chars().count() + 9 <= width;
                format!("{text}{}hint: {hint}\n", if fits { "   " } else { "\n" })
            }
        };
        // In one piece: a program that shares the stream must not come between a line and its end.
        if self.beside.is_some() {
            self.out.write_all(cut(&line).as_bytes())?;
            return self.out.flush();
        }
        io::stderr().lock().write_all(line.as_bytes())
    }
}

/// A remark as long as one piece can be.
fn cut(line: &str) -> std::borrow::Cow<'_, str> {
    if line.len() <= LONGEST {
        return line.into();
    }
    let end = "…\n";
    let room = line.floor_char_boundary(LONGEST - end.len());
    format!("{}{end}", line.get(..room).unwrap_or_default()).into()
}

fn wrapped(text: &str, room: usize) -> Vec<String> {
    if room == usize::MAX {
        return text.lines().map(str::to_owned).collect();
    }
    textwrap::wrap(text, textwrap::Options::new(room).break_words(false).word_splitter(textwrap::WordSplitter::NoHyphenation))
        .into_iter()
        .map(std::borrow::Cow::into_owned)
        .collect()
}

/// Width of the margin that labels stand in; every label is shorter.
const MARGIN: usize = 10;
/// Between a fact and its source.
const GAP: usize = 3;
/// A column of sources stands no further right than this, however wide the terminal.
const WIDEST: usize = 120;
