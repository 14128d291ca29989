//! `manage.py`: a Django project, which its own server serves.

use super::{Fact, Findings, Kind, Source, Start, What};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "That it is Django's: `python3 manage.py runserver` can be started, on port 8000.",
    ..Kind::of("manage", "manage.py", &["manage.py"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let Some((line, _)) = source.lines().find(|(_, line)| line.contains("DJANGO_SETTINGS_MODULE")) else { return };
    found.facts.push(Fact::new(8000, What::Usual, "the usual port of Django", line, 1).of("web"));
    found.starts.push(Start {
        name: "web".to_owned(),
        command: Some("python3 manage.py runserver".to_owned()),
        folder: source.folder().to_owned(),
        line,
        ..Start::default()
    });
}
