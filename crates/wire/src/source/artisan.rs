//! `artisan`: a Laravel project, which its own server serves.

use super::{Fact, Findings, Kind, Source, Start, What};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "That it is Laravel's: `php artisan serve` can be started, on port 8000.",
    ..Kind::of("artisan", "artisan", &["artisan"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    if !source.text.lines().take(3).any(|line| line.contains("php")) {
        return;
    }
    found.facts.push(Fact::new(8000, What::Usual, "the usual port of Laravel", 1, 1).of("web"));
    found.starts.push(Start {
        name: "web".to_owned(),
        command: Some("php artisan serve".to_owned()),
        folder: source.folder().to_owned(),
        line: 1,
        ..Start::default()
    });
}
