//! Lines of styled text as an SVG that reads well on a light and on a dark page.

use std::fmt::Write as _;

use super::ansi::{Colour, Span, Style, Weight};

/// Draws a terminal with a quiet frame. `label` is for those who cannot see it.
pub(super) fn draw(lines: &[Vec<Span>], columns: usize, label: &str) -> String {
    let width = columns * CELL + 2 * MARGIN * TENTHS;
    let height = lines.len() * LINE + 2 * MARGIN;
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{height}\" viewBox=\"0 0 {0} {height}\" role=\"img\" aria-label=\"{1}\">",
        tenths(width),
        escaped(label)
    );
    svg.push_str(STYLE);
    let inner = tenths(width - TENTHS);
    let _ = writeln!(svg, "<rect class=\"frame\" x=\"0.5\" y=\"0.5\" width=\"{inner}\" height=\"{}\" rx=\"6\"/>", height - 1);
    for (number, line) in lines.iter().enumerate() {
        let base = MARGIN + number * LINE + ASCENT;
        for span in line {
            for (column, text) in words(span) {
                text_at(&mut svg, (column, base), text, span.style);
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// The parts of a span that stand apart by more than one blank, each with its column: not every reader of SVG
/// keeps blanks, so wide ones are place and not text.
fn words(span: &Span) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut column = span.column;
    for part in span.text.split("  ") {
        let text = part.trim_start();
        let left = column + part.chars().count() - text.chars().count();
        if !text.trim().is_empty() {
            found.push((left, text.trim_end()));
        }
        column += part.chars().count() + 2;
    }
    found
}

fn text_at(svg: &mut String, (column, base): (usize, usize), text: &str, style: Style) {
    let left = tenths(column * CELL + MARGIN * TENTHS);
    // The length keeps columns aligned in whatever monospaced font the reader has.
    let length = tenths(text.chars().count() * CELL);
    let _ =
        writeln!(svg, "<text x=\"{left}\" y=\"{base}\" textLength=\"{length}\"{}>{}</text>", attributes(style), escaped(text));
}

fn attributes(style: Style) -> String {
    let mut classes = Vec::new();
    let mut fill = String::new();
    match style.colour {
        Some(Colour::Named(number)) => classes.push(format!("c{number}")),
        Some(Colour::Exact(red, green, blue)) => fill = format!(" style=\"fill:#{red:02x}{green:02x}{blue:02x}\""),
        None => {}
    }
    match style.weight {
        Weight::Normal => {}
        Weight::Bold => classes.push("bold".to_owned()),
        Weight::Faint => classes.push("faint".to_owned()),
    }
    if style.italic {
        classes.push("italic".to_owned());
    }
    if style.underlined {
        classes.push("underlined".to_owned());
    }
    if classes.is_empty() { fill } else { format!(" class=\"{}\"{fill}", classes.join(" ")) }
}

/// A length counted in tenths, as SVG writes it.
fn tenths(length: usize) -> String {
    format!("{}.{}", length / TENTHS, length % TENTHS)
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

const TENTHS: usize = 10;
/// Width of a character, in tenths: 0.6 of the font's size, as monospaced fonts have it.
const CELL: usize = 78;
/// Height of a line.
const LINE: usize = 19;
/// From the top of a line to its base.
const ASCENT: usize = 14;
/// Around the text.
const MARGIN: usize = 16;

const STYLE: &str = r"<style>
.frame { fill: #ffffff; stroke: #d0d7de; }
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #1f2328; white-space: pre; }
.bold { font-weight: 600; } .faint { fill: #656d76; } .italic { font-style: italic; } .underlined { text-decoration: underline; }
.c0 { fill: #24292f; } .c1, .c9 { fill: #cf222e; } .c2, .c10 { fill: #116329; } .c3, .c11 { fill: #8a5a00; }
.c4, .c12 { fill: #0550ae; } .c5, .c13 { fill: #8250df; } .c6, .c14 { fill: #1b7c83; } .c7, .c8 { fill: #656d76; } .c15 { fill: #1f2328; }
@media (prefers-color-scheme: dark) {
.frame { fill: #0d1117; stroke: #30363d; }
text { fill: #e6edf3; } .faint { fill: #8b949e; }
.c0 { fill: #6e7681; } .c1, .c9 { fill: #ff7b72; } .c2, .c10 { fill: #56d364; } .c3, .c11 { fill: #e3b341; }
.c4, .c12 { fill: #79c0ff; } .c5, .c13 { fill: #d2a8ff; } .c6, .c14 { fill: #56d4dd; } .c7, .c8 { fill: #8b949e; } .c15 { fill: #f0f6fc; }
}
</style>
";

#[cfg(test)]
mod tests {
    use super::draw;
    use crate::picture::ansi::lines;

    #[test]
    fn hostile_text_stays_text() {
        let svg = draw(&lines("<script>alert(\"a\" & 'b')</script>"), 40, "a \"picture\"");
        assert!(!svg.contains("<script>") && svg.contains("&lt;script&gt;alert(&quot;a&quot; &amp; 'b')"), "{svg}");
        assert!(svg.contains("aria-label=\"a &quot;picture&quot;\""), "{svg}");
    }

    #[test]
    fn columns_keep_their_places() {
        let svg = draw(&lines("PORT     \x1b[31m3000\x1b[0m"), 20, "");
        assert!(svg.contains("<text x=\"16.0\" y=\"30\" textLength=\"31.2\">PORT</text>"), "{svg}");
        assert!(svg.contains("<text x=\"86.2\" y=\"30\" textLength=\"31.2\" class=\"c1\">3000</text>"), "{svg}");
    }

    #[test]
    fn every_line_has_its_height() {
        let svg = draw(&lines("a\n\nb\n"), 10, "");
        assert!(svg.contains("height=\"89\""), "{svg}");
    }
}
