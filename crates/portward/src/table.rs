//! A table that fits: columns as wide as their cells, narrowed and then left out from the right where the
//! terminal ends.

use std::io;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::screen::{Screen, Tone};

/// One cell.
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// Text in a tone.
    pub(crate) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone }
    }

    /// Ordinary text.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::new(Tone::Plain, text)
    }
}

/// One column's heading and how far it may be narrowed.
#[derive(Clone, Copy)]
pub(crate) struct Heading {
    /// What stands above it.
    pub(crate) title: &'static str,
    /// The narrowest it may become; `usize::MAX` for a column that is shown whole or not at all.
    pub(crate) least: usize,
}

/// Rows gathered for drawing. The texts stand one after the other in one string: tens of thousands of rows
/// are drawn, and a string of its own for each cell would be most of the memory that a listing takes.
pub(crate) struct Table<'a> {
    headings: &'a [Heading],
    widths: Vec<usize>,
    text: String,
    cells: Vec<(u32, Tone)>,
}

impl<'a> Table<'a> {
    /// A table with these columns and no rows.
    pub(crate) fn new(headings: &'a [Heading]) -> Self {
        Self {
            headings,
            widths: headings.iter().map(|heading| heading.title.width()).collect(),
            text: String::new(),
            cells: Vec::new(),
        }
    }

    /// Adds a row; it has one cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        for (cell, width) in cells.into_iter().zip(&mut self.widths) {
            let text = portward_model::inert(&cell.text);
            *width = (*width).max(width_of(&text));
            self.text.push_str(&text);
            self.cells.push((u32::try_from(self.text.len()).unwrap_or(u32::MAX), cell.tone));
        }
    }

    /// Writes the table and returns the titles of the columns that found no room.
    pub(crate) fn draw(mut self, screen: &mut Screen) -> io::Result<Vec<&'static str>> {
        let dropped = match screen.width() {
            Some(room) => fit(&mut self.widths, self.headings, room),
            None => Vec::new(),
        };
        let mut line = String::new();
        let last = self.widths.len().saturating_sub(1);
        for (at, (heading, width)) in self.headings.iter().zip(&self.widths).enumerate() {
            screen.tint(&mut line, Tone::Label, |line| push_padded(line, heading.title, *width, at == last));
            line.push_str(if at == last { "" } else { GAP });
        }
        screen.line(line.trim_end())?;
        let mut start = 0;
        for row in self.cells.chunks(self.headings.len().max(1)) {
            line.clear();
            for (at, (end, tone)) in row.iter().enumerate() {
                let end = *end as usize;
                let text = self.text.get(start..end).unwrap_or_default();
                start = end;
                let Some(width) = self.widths.get(at) else { continue };
                screen.tint(&mut line, *tone, |line| push_padded(line, text, *width, at == last));
                if at < last {
                    line.push_str(GAP);
                }
            }
            screen.line(line.trim_end())?;
        }
        Ok(dropped)
    }
}

fn width_of(text: &str) -> usize {
    // Names and addresses are ASCII nearly always; shown text has no control characters.
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Narrows columns that may be narrowed, widest first, then leaves out columns from the right.
fn fit(widths: &mut Vec<usize>, headings: &[Heading], room: usize) -> Vec<&'static str> {
    let mut dropped = Vec::new();
    loop {
        let total: usize = widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1);
        let Some(mut over) = total.checked_sub(room).filter(|over| *over > 0) else { break };
        let slack: usize = widths.iter().zip(headings).map(|(width, heading)| width.saturating_sub(heading.least)).sum();
        if slack >= over {
            while over > 0 {
                let widest = widths
                    .iter_mut()
                    .zip(headings)
                    .filter(|(width, heading)| **width > heading.least)
                    .max_by_key(|(width, _)| **width);
                let Some((width, _)) = widest else { break };
                *width -= 1;
                over -= 1;
            }
            break;
        }
        if widths.len() < 2 {
            break;
        }
        widths.pop();
        dropped.extend(headings.get(widths.len()).map(|heading| heading.title));
    }
    dropped.reverse();
    dropped
}

fn push_padded(line: &mut String, text: &str, width: usize, is_last: bool) {
    let own = width_of(text);
    if own > width {
        let mut used = 0;
        for c in text.chars() {
            let next = used + c.width().unwrap_or(0);
            if next + 1 > width {
                break;
            }
            used = next;
            line.push(c);
        }
        line.push('…');
        line.extend(std::iter::repeat_n(' ', width.saturating_sub(used + 1)));
        return;
    }
    line.push_str(text);
    if !is_last {
        line.extend(std::iter::repeat_n(' ', width - own));
    }
}

const GAP: &str = "  ";

#[cfg(test)]
mod tests {
    use super::{Heading, fit, push_padded};

    fn pad(text: &str, width: usize, is_last: bool) -> String {
        let mut line = String::new();
        push_padded(&mut line, text, width, is_last);
        line
    }

    #[test]
    fn text_is_cut_with_a_mark() {
        assert_eq!(pad("postgresql@15-main.service", 10, true), "postgresq…");
        assert_eq!(pad("日本語", 5, true), "日本…");
        assert_eq!(pad("ab", 4, false), "ab  ");
    }

    #[test]
    fn columns_narrow_before_they_go() {
        let headings = [("A", usize::MAX), ("B", 5), ("C", usize::MAX)].map(|(title, least)| Heading { title, least });
        let mut widths = vec![10, 20, 10];
        assert!(fit(&mut widths, &headings, 35).is_empty());
        assert_eq!(widths, [10, 11, 10]);
        let mut widths = vec![10, 20, 10];
        assert_eq!(fit(&mut widths, &headings, 20), ["C"]);
        assert_eq!(widths, [10, 8]);
    }
}
