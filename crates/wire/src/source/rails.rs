//! `bin/rails` and `config/puma.rb`: an application of Rails, which its own server serves.

use super::{Fact, Findings, Kind, Source, Start, What, number::port};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "That it is there: `bin/rails server` can be started, on port 3000. In `config/puma.rb` the number behind `PORT`.",
    ..Kind::of("rails", "bin/rails and config/puma.rb", &["bin/rails", "config/puma.rb"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let above = |name: &str| source.path.strip_suffix(name).map(|folder| folder.trim_end_matches('/').to_owned());
    if let Some(folder) = above("bin/rails") {
        // The command of Rails itself, and not one of a framework or of an engine.
        let Some((line, _)) =
            source.lines().find(|(_, line)| line.contains("config/boot") || line.contains("config/application"))
        else {
            return;
        };
        found.facts.push(Fact::new(3000, What::Usual, "the usual port of Rails", line, 1).of("web"));
        found.starts.push(Start {
            name: "web".to_owned(),
            command: Some("bin/rails server".to_owned()),
            folder,
            line,
            ..Start::default()
        });
        return;
    }
    for (number, line) in source.lines() {
        let Some(rest) = line.trim_start().strip_prefix("port") else { continue };
        if !rest.starts_with([' ', '(']) {
            continue;
        }
        let digits = rest.rsplit(|c: char| !c.is_ascii_digit()).find(|word| !word.is_empty()).unwrap_or_default();
        let Some((port, at)) = port(digits).zip(line.rfind(digits)) else { continue };
        let column = line.get(..at).map_or(0, |before| before.chars().count()) + 1;
        let column = u32::try_from(column).unwrap_or(1);
        let mut fact = Fact::new(port, What::Asked { host: None }, "the port of Puma's configuration", number, column);
        fact.variable = rest.contains("PORT").then(|| "PORT".to_owned());
        found.facts.push(fact);
    }
}
