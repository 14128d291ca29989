//! What a terminal shows after some output: lines of styled cells.
//!
//! It understands what a quiet command line writes: text, carriage returns, erasing, and the styles of SGR
//! (ECMA-48 section 8.3.117). Everything else, hyperlinks and titles included, is read over.

/// A colour as SGR names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// One of the sixteen that a terminal's theme decides.
    Named(u8),
    /// A colour of its own.
    Exact(u8, u8, u8),
}

/// How a character is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) colour: Option<Colour>,
    pub(super) weight: Weight,
    pub(super) italic: bool,
    pub(super) underlined: bool,
}

/// SGR 1, 2 and 22.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Weight {
    #[default]
    Normal,
    Bold,
    Faint,
}

/// Neighbouring characters of one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) column: usize,
    pub(super) text: String,
    pub(super) style: Style,
}

/// The lines of a terminal, each as spans; blanks at the end of a line and lines at the end are dropped.
pub(super) fn lines(output: &str) -> Vec<Vec<Span>> {
    let mut screen = Screen::default();
    let mut rest = output.chars();
    while let Some(c) = rest.next() {
        match c {
            '\x1b' => screen.escape(&mut rest),
            '\n' => screen.line_feed(),
            '\r' => screen.column = 0,
            c if c.is_control() => {}
            c => screen.put(c),
        }
    }
    let mut lines: Vec<Vec<Span>> = screen.rows.iter().map(|row| spans(row)).collect();
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

type Cell = (char, Style);

#[derive(Default)]
struct Screen {
    rows: Vec<Vec<Cell>>,
    row: usize,
    column: usize,
    style: Style,
}

impl Screen {
    fn row(&mut self) -> &mut Vec<Cell> {
        if self.rows.len() <= self.row {
            self.rows.resize_with(self.row + 1, Vec::new);
        }
        self.rows.get_mut(self.row).expect("the row was just made")
    }

    fn put(&mut self, c: char) {
        let (column, style) = (self.column, self.style);
        let row = self.row();
        if row.len() <= column {
            row.resize(column + 1, (' ', Style::default()));
        }
        if let Some(cell) = row.get_mut(column) {
            *cell = (c, style);
        }
        self.column += 1;
    }

    fn line_feed(&mut self) {
        self.row();
        self.row += 1;
        self.column = 0;
    }

    fn escape(&mut self, rest: &mut std::str::Chars<'_>) {
        match rest.next() {
            Some('[') => {
                let mut parameters = String::new();
                for c in rest.by_ref() {
                    if ('@'..='~').contains(&c) {
                        self.control(c, &parameters);
                        return;
                    }
                    parameters.push(c);
                }
            }
            // A string (title, hyperlink) ends at BEL or at ESC \.
            Some(']' | 'P' | '_' | '^') => {
                let mut before = ' ';
                for c in rest.by_ref() {
                    if c == '\x07' || (before == '\x1b' && c == '\\') {
                        return;
                    }
                    before = c;
                }
            }
            _ => {}
        }
    }

    fn control(&mut self, kind: char, parameters: &str) {
        match (kind, parameters) {
            ('m', _) => self.style = styled(self.style, parameters),
            ('K', "" | "0") => {
                let column = self.column;
                self.row().truncate(column);
            }
            ('K', "2") => self.row().clear(),
            _ => {}
        }
    }
}

fn styled(mut style: Style, parameters: &str) -> Style {
    let mut numbers = parameters.split([';', ':']).map(|number| number.parse::<u8>().unwrap_or(0));
    while let Some(number) = numbers.next() {
        match number {
            0 => style = Style::default(),
            1 => style.weight = Weight::Bold,
            2 => style.weight = Weight::Faint,
            22 => style.weight = Weight::Normal,
            3 => style.italic = true,
            23 => style.italic = false,
            4 => style.underlined = true,
            24 => style.underlined = false,
            30..=37 => style.colour = Some(Colour::Named(number - 30)),
            90..=97 => style.colour = Some(Colour::Named(number - 90 + 8)),
            39 => style.colour = None,
            38 => style.colour = extended(&mut numbers).or(style.colour),
            // A background's own numbers must not be taken for styles.
            48 => drop(extended(&mut numbers)),
            _ => {}
        }
    }
    style
}

/// `5;n` or `2;r;g;b`, as xterm has it.
fn extended(numbers: &mut impl Iterator<Item = u8>) -> Option<Colour> {
    match numbers.next()? {
        5 => Some(match numbers.next()? {
            named @ 0..=15 => Colour::Named(named),
            cube @ 16..=231 => {
                let step = |part: u8| if part == 0 { 0 } else { 55 + 40 * part };
                let cube = cube - 16;
                Colour::Exact(step(cube / 36), step(cube / 6 % 6), step(cube % 6))
            }
            grey => Colour::Exact(8 + 10 * (grey - 232), 8 + 10 * (grey - 232), 8 + 10 * (grey - 232)),
        }),
        2 => Some(Colour::Exact(numbers.next()?, numbers.next()?, numbers.next()?)),
        _ => None,
    }
}

fn spans(row: &[Cell]) -> Vec<Span> {
    let end = row.iter().rposition(|(c, _)| *c != ' ').map_or(0, |last| last + 1);
    let mut spans: Vec<Span> = Vec::new();
    for (column, (c, style)) in row.iter().take(end).enumerate() {
        match spans.last_mut() {
            Some(last) if last.style == *style => last.text.push(*c),
            _ => spans.push(Span { column, text: c.to_string(), style: *style }),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::{Colour, Span, Style, Weight, lines};

    fn shown(output: &str) -> Vec<String> {
        lines(output).iter().map(|line| line.iter().map(|span| span.text.as_str()).collect()).collect()
    }

    #[test]
    fn styles_divide_a_line() {
        let bold = Style { weight: Weight::Bold, colour: Some(Colour::Named(2)), ..Style::default() };
        let span = |column, text: &str, style| Span { column, text: text.to_owned(), style };
        assert_eq!(
            lines("PORT \x1b[1;32m3000\x1b[0m end  \r\n"),
            [vec![span(0, "PORT ", Style::default()), span(5, "3000", bold), span(9, " end", Style::default())]]
        );
    }

    #[test]
    fn a_carriage_return_writes_over_and_erasing_erases() {
        assert_eq!(shown("reading\rdone\x1b[K\r\nnext\x1b[2K\r\n\r\n"), ["done"]);
    }

    #[test]
    fn titles_and_links_are_read_over() {
        assert_eq!(shown("\x1b]0;title\x07a\x1b]8;;http://localhost\x1b\\b\x1b]8;;\x1b\\c"), ["abc"]);
    }

    #[test]
    fn extended_colours_are_read() {
        let colour = |output: &str| lines(output).first().and_then(|line| line.first()).and_then(|span| span.style.colour);
        assert_eq!(colour("\x1b[38;5;9mx"), Some(Colour::Named(9)));
        assert_eq!(colour("\x1b[38;5;16mx"), Some(Colour::Exact(0, 0, 0)));
        assert_eq!(colour("\x1b[38;5;231mx"), Some(Colour::Exact(255, 255, 255)));
        assert_eq!(colour("\x1b[38;2;1;2;3mx"), Some(Colour::Exact(1, 2, 3)));
        assert_eq!(colour("\x1b[48;5;1mx"), None);
    }
}
