//! Where a line goes in a file that lists things.

/// A place for a line.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The line, with names still to be filled in.
    pub(super) line: &'static str,
    /// How its neighbours begin.
    pub(super) among: &'static str,
    /// For a list in an order of its own, the line that ends it; without one, neighbours are in alphabetical order.
    pub(super) before: Option<&'static str>,
}

/// The text with the line in its place; none where there is no such place.
pub(super) fn line(text: &str, place: &Place, fill: &dyn Fn(&str) -> String) -> Option<String> {
    let new = fill(place.line);
    let lines: Vec<&str> = text.lines().collect();
    let at = if let Some(end) = place.before {
        // The first end after a neighbour: the list itself, not what stands before or after it.
        lines.windows(2).position(|pair| matches!(pair, [last, next] if is_neighbour(last, place) && *next == end))? + 1
    } else {
        let first = lines.iter().position(|line| line.starts_with(place.among))?;
        let is_before = |line: &&&str| line.starts_with(place.among) && **line < new.as_str();
        first + lines.iter().skip(first).take_while(is_before).count()
    };
    let (before, after) = lines.split_at_checked(at)?;
    let all: Vec<&str> = before.iter().copied().chain([new.as_str()]).chain(after.iter().copied()).collect();
    Some(all.join("\n") + "\n")
}

fn is_neighbour(line: &str, place: &Place) -> bool {
    line.starts_with(place.among) && line.ends_with(',')
}

#[cfg(test)]
mod tests {
    use super::{Place, line};

    #[test]
    fn module_lines_stay_in_order() {
        let place = Place { line: "mod NEW;", among: "mod ", before: None };
        let text = "//! Words.\n\nmod alpha;\nmod gamma;\n\nuse x;\n";
        let with = |name: &str| line(text, &place, &|line| line.replace("NEW", name));
        assert_eq!(with("beta").as_deref(), Some("//! Words.\n\nmod alpha;\nmod beta;\nmod gamma;\n\nuse x;\n"));
        assert_eq!(with("zeta").as_deref(), Some("//! Words.\n\nmod alpha;\nmod gamma;\nmod zeta;\n\nuse x;\n"));
        assert_eq!(with("aaa").as_deref(), Some("//! Words.\n\nmod aaa;\nmod alpha;\nmod gamma;\n\nuse x;\n"));
    }

    #[test]
    fn a_list_in_its_own_order_grows_at_its_end() {
        let place = Place { line: "    new::CAUSE,", among: "    ", before: Some("];") };
        let text = "const OTHER: &[u8] = &[];\n\nconst CAUSES: &[Cause] = &[\n    one::CAUSE,\n];\n\nconst LAST: u8 = 1;\n";
        let expected = "const OTHER: &[u8] = &[];\n\nconst CAUSES: &[Cause] = &[\n    one::CAUSE,\n    new::CAUSE,\n];\n\nconst LAST: u8 = 1;\n";
        assert_eq!(line(text, &place, &str::to_owned).as_deref(), Some(expected));
        assert_eq!(line("nothing here\n", &place, &str::to_owned), None);
    }
}
