//! The page of a folder.

use std::{cmp::Ordering, fmt::Write};

use portward_sys::served::{Entry, Sort};
use portward_wire::http::{Target, encoded};

use super::{
    moment::date,
    page::{escaped, page},
    reply::Reply,
};

/// What the entries of a folder are sorted by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Name,
    Size,
    Date,
}

/// How a listing is shown.
pub(super) struct Look<'a> {
    /// What the root is called.
    pub(super) title: &'a str,
    /// Entries that were left out.
    pub(super) left_out: usize,
    /// There is a form for files.
    pub(super) takes_files: bool,
    /// The page loads anew when something changes.
    pub(super) reloads: bool,
}

/// The page of a folder: folders first, then as the query says (`sort=name`, `size` or `date`, and `order=desc`).
pub(super) fn listing(target: &Target<'_>, mut entries: Vec<Entry>, look: &Look<'_>) -> Reply {
    let by = match target.asked("sort") {
        Some("size") => By::Size,
        Some("date") => By::Date,
        _ => By::Name,
    };
    let backwards = target.asked("order") == Some("desc");
    entries.sort_by(|one, other| {
        let own = compared(by, one, other);
        is_folder(other).cmp(&is_folder(one)).then(if backwards { own.reverse() } else { own })
    });
    let mut text = String::with_capacity(512 + entries.len() * 200);
    text.push_str("<main><h1>");
    crumbs(&mut text, target, look.title);
    text.push_str("</h1><table><thead><tr>");
    for (column, name, word) in [(By::Name, "name", "Name"), (By::Size, "size", "Size"), (By::Date, "date", "Changed")] {
        let order = if column == by && !backwards { "&amp;order=desc" } else { "" };
        let arrow = match (column == by, backwards) {
            (true, false) => " \u{2191}",
            (true, true) => " \u{2193}",
            (false, _) => "",
        };
        let _ = write!(text, "<th><a href=\"?sort={name}{order}\">{word}{arrow}</a></th>");
    }
    text.push_str("</tr></thead><tbody>");
    if !target.path.is_empty() {
        text.push_str("<tr><td><a href=\"../\" class=\"folder\">..</a></td><td></td><td></td></tr>");
    }
    for entry in &entries {
        row(&mut text, entry);
    }
    text.push_str("</tbody></table>");
    if entries.is_empty() {
        text.push_str("<p>Nothing is in here.</p>");
    }
    if look.left_out > 0 {
        let _ = write!(text, "<p>{} more entries are not shown.</p>", look.left_out);
    }
    if look.takes_files {
        text.push_str(
            "<form method=\"post\" enctype=\"multipart/form-data\"><input type=\"file\" name=\"files\" multiple required>\
             <button>Upload</button></form>",
        );
    }
    text.push_str("</main>");
    if look.reloads {
        text.push_str(super::live::SCRIPT_TAG);
    }
    let title = if target.path.is_empty() { look.title.to_owned() } else { String::from_utf8_lossy(&target.path).into_owned() };
    page(200, &title, &text)
}

fn compared(by: By, one: &Entry, other: &Entry) -> Ordering {
    let own = match by {
        By::Name => Ordering::Equal,
        By::Size => one.facts.size.cmp(&other.facts.size),
        By::Date => one.facts.changed.cmp(&other.facts.changed),
    };
    own.then_with(|| natural(&one.name, &other.name))
}

/// As people sort: without case, and numbers by their value.
fn natural(one: &[u8], other: &[u8]) -> Ordering {
    let (mut left, mut right) = (one, other);
    loop {
        let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (a, b) = (digits(left), digits(right));
        if a > 0 && b > 0 {
            let (number, rest) = left.split_at_checked(a).unwrap_or((left, &[]));
            let (another, remains) = right.split_at_checked(b).unwrap_or((right, &[]));
            let value = |text: &'_ [u8]| text.iter().position(|byte| *byte != b'0').map_or(Vec::new(), |at| text[at..].to_vec());
            let (number, another) = (value(number), value(another));
            let order = number.len().cmp(&another.len()).then_with(|| number.cmp(&another));
            if order.is_ne() {
                return order;
            }
            (left, right) = (rest, remains);
            continue;
        }
        match (left.split_first(), right.split_first()) {
            (Some((a, rest)), Some((b, remains))) => {
                let order = a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase());
                if order.is_ne() {
                    return order;
                }
                (left, right) = (rest, remains);
            }
            // Equal but for case: some order has to be.
            (None, None) => return one.cmp(other),
            (a, b) => return a.is_some().cmp(&b.is_some()),
        }
    }
}

fn is_folder(entry: &Entry) -> bool {
    entry.facts.sort == Sort::Folder
}

fn crumbs(text: &mut String, target: &Target<'_>, title: &str) {
    let parts: Vec<&[u8]> = target.path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
    let up = |levels: usize| if levels == 0 { "./".to_owned() } else { "../".repeat(levels) };
    let last = parts.len();
    if last == 0 {
        let _ = write!(text, "<b>{}</b>", escaped(title.as_bytes()));
        return;
    }
    let _ = write!(text, "<a href=\"{}\">{}</a>", up(last), escaped(title.as_bytes()));
    for (index, part) in parts.iter().enumerate() {
        if index + 1 == last {
            let _ = write!(text, " / <b>{}</b>", escaped(part));
        } else {
            let _ = write!(text, " / <a href=\"{}\">{}</a>", up(last - index - 1), escaped(part));
        }
    }
}

fn row(text: &mut String, entry: &Entry) {
    let (slash, class) = if is_folder(entry) { ("/", " class=\"folder\"") } else { ("", "") };
    let name = escaped(&entry.name);
    if entry.facts.sort == Sort::Special {
        let _ = write!(text, "<tr><td><a>{name}</a></td><td>no file</td><td></td></tr>");
        return;
    }
    // A name with a colon in it would be taken for a scheme.
    let _ = write!(text, "<tr><td><a href=\"./{}{slash}\"{class}>{name}{slash}</a></td><td>", encoded(&entry.name));
    if !is_folder(entry) {
        text.push_str(&size(entry.facts.size));
    }
    let second = u64::try_from(entry.facts.changed.0).unwrap_or(0);
    let _ = write!(text, "</td><td>{}</td></tr>", short_date(second));
}

/// A size as people read it.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut whole, mut tenths, mut unit) = (bytes / 1000, bytes % 1000 / 100, 0);
    while whole >= 1000 && unit + 1 < UNITS.len() {
        (whole, tenths, unit) = (whole / 1000, whole % 1000 / 100, unit + 1);
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if whole < 10 { format!("{whole}.{tenths} {name}") } else { format!("{whole} {name}") }
}

/// `06 Nov 1994 08:49`, in UTC, as the dates of answers are.
fn short_date(second: u64) -> String {
    date(second).get(5..22).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use portward_sys::served::{Entry, Facts, Sort};
    use portward_wire::http::Target;

    use super::{Look, listing, natural, short_date, size};
    use crate::linux::serve::reply::Body;

    fn entry(name: &[u8], sort: Sort, size: u64) -> Entry {
        let facts = Facts { sort, size, inode: (0, 0, 0), changed: (784_111_777, 0), touched: (0, 0) };
        Entry { name: name.to_vec(), facts, is_link: false }
    }

    fn text(target: &str, entries: Vec<Entry>) -> String {
        let target = Target::read(target).unwrap();
        let look = Look { title: "a<b", left_out: 0, takes_files: false, reloads: false };
        let Body::Bytes(bytes) = listing(&target, entries, &look).body else { panic!("no page") };
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn hostile_names_are_inert() {
        let names: [&[u8]; 5] =
            [b"<script>alert(1)</script>", b"\" onmouseover=\"x", b"a\nb", b"\xff\xfe", b"javascript:alert(1)"];
        let page = text("/d%3Ci%3E/", names.iter().map(|name| entry(name, Sort::File, 1)).collect());
        assert!(
            !page.contains("<script") && !page.contains("\" onmouse") && !page.contains("a\nb") && !page.contains("d<i>"),
            "{page}"
        );
        assert!(page.contains("href=\"./javascript%3Aalert%281%29\"") && page.contains("href=\"./%FF%FE\""), "{page}");
        assert!(!text("/", Vec::new()).contains("a<b"));
    }

    #[test]
    fn sorted_as_asked() {
        let all = || {
            vec![
                entry(b"b10", Sort::File, 5),
                entry(b"B9", Sort::File, 50),
                entry(b"z", Sort::Folder, 0),
                entry(b"p", Sort::Special, 0),
            ]
        };
        let order = |query: &str| {
            let page = text(query, all());
            let mut at: Vec<(usize, &str)> =
                ["b10", "B9", "z/"].iter().map(|name| (page.find(&format!(">{name}<")).unwrap(), *name)).collect();
            at.sort_unstable();
            at.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
        };
        assert_eq!(order("/"), ["z/", "B9", "b10"]);
        assert_eq!(order("/?sort=name&order=desc"), ["z/", "b10", "B9"]);
        assert_eq!(order("/?sort=size"), ["z/", "b10", "B9"]);
        assert_eq!(order("/?sort=%00&order=x"), ["z/", "B9", "b10"]);
        assert!(!text("/", all()).contains("./p\""), "a pipe has no link");
    }

    #[test]
    fn words_for_people() {
        assert_eq!(
            [0, 999, 1000, 1449, 12_345, 999_999, 104_857_600].map(size),
            ["0 B", "999 B", "1.0 kB", "1.4 kB", "12 kB", "999 kB", "104 MB"]
        );
        assert_eq!(size(u64::MAX), "18446 PB");
        assert_eq!(short_date(784_111_777), "06 Nov 1994 08:49");
        assert_eq!(natural(b"a2", b"a10"), Ordering::Less);
        assert_eq!(natural(b"a02", b"a2"), Ordering::Less);
        assert_eq!(natural(b"a", b"ab"), Ordering::Less);
    }
}
