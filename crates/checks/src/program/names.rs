//! Programs by their names: a process of a listing is asked about many times, and is mostly none.

use std::sync::LazyLock;

use super::{Program, all, is_it};

/// The program that goes by this name.
pub(crate) fn named(name: &str) -> Option<&'static Program> {
    let exactly = |(own, _): &&(&str, _)| *own == name;
    let like = |(own, _): &&(&str, _)| is_it(own, name);
    let found = alike(name).iter().find(exactly).or_else(|| alike(name.strip_prefix('-').unwrap_or(name)).iter().find(like));
    found.map(|(_, known)| *known)
}

/// The names with this first letter, and whose they are: each process of a listing is asked about many times, and is mostly none.
fn alike(text: &str) -> &'static [(&'static str, &'static Program)] {
    static NAMES: LazyLock<Vec<Vec<(&str, &Program)>>> = LazyLock::new(|| {
        let mut names = vec![Vec::new(); 256];
        for (name, known) in all().flat_map(|known| known.names.split(' ').map(move |name| (name, known))) {
            names.get_mut(first_letter(name)).into_iter().for_each(|alike| alike.push((name, known)));
        }
        names
    });
    NAMES.get(first_letter(text)).map(Vec::as_slice).unwrap_or_default()
}

fn first_letter(text: &str) -> usize {
    text.bytes().next().map_or(0, |letter| letter.to_ascii_lowercase().into())
}
