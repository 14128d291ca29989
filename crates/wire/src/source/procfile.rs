//! `Procfile`: a process on each line, `web: bundle exec puma -p 3000`.

use super::{Findings, Kind, Source, Start, command};

pub(super) const KIND: Kind = Kind {
    reads: "A process on each line, with the ports of its command. All of them are started together.",
    ..Kind::of("procfile", "Procfile", &["Procfile", "Procfile.dev"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    for (number, line) in source.lines() {
        let Some((name, text)) = line.split_once(':') else { continue };
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if !is_name || text.trim().is_empty() {
            continue;
        }
        let blanks = text.len() - text.trim_start().len();
        let column = u32::try_from(name.len() + 2 + blanks).unwrap_or(1);
        command::read(text.trim(), command::At { line: number, column, service: name }, found);
        found.starts.push(Start {
            name: name.to_owned(),
            command: Some(text.trim().to_owned()),
            folder: source.folder().to_owned(),
            line: number,
            ..Start::default()
        });
    }
}
