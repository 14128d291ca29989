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

/// Writes the table and returns the titles of the columns that found no room.
pub(crate) fn draw(screen: &mut Screen, headings: &[Heading], rows: &[Vec<Cell>]) -> io::Result<Vec<&'static str>> {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.title.width()).collect();
    for row in rows {
        for (cell, width) in row.iter().zip(&mut widths) {
            *width = (*width).max(cell.text.width());
        }
    }
    let dropped = match screen.width() {
        Some(room) => fit(&mut widths, headings, room),
        None => Vec::new(),
    };
    let mut line = String::new();
    let last = widths.len().saturating_sub(1);
    for (at, (heading, width)) in headings.iter().zip(&widths).enumerate() {
        let padded = pad(heading.title, *width, at == last);
        line.push_str(&screen.paint(Tone::Label, &padded));
        line.push_str(if at == last { "" } else { GAP });
    }
    screen.line(line.trim_end())?;
    for row in rows {
        line.clear();
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let padded = pad(&cell.text, *width, at == last);
            line.push_str(&screen.paint(cell.tone, &padded));
            if at < last {
                line.push_str(GAP);
            }
        }
        screen.line(line.trim_end())?;
    }
    Ok(dropped)
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

fn pad(text: &str, width: usize, is_last: bool) -> String {
    let own = text.width();
    if own > width {
        let mut cut = String::with_capacity(width + 3);
        let mut used = 0;
        for c in text.chars() {
            let next = used + c.width().unwrap_or(0);
            if next + 1 > width {
                break;
            }
            used = next;
            cut.push(c);
        }
        cut.push('…');
        cut.push_str(&" ".repeat(width.saturating_sub(used + 1)));
        return cut;
    }
    let mut padded = String::with_capacity(text.len() + width - own);
    padded.push_str(text);
    if !is_last {
        padded.extend(std::iter::repeat_n(' ', width - own));
    }
    padded
}

const GAP: &str = "  ";

#[cfg(test)]
mod tests {
    use super::{Heading, fit, pad};

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
