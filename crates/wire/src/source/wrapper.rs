//! `mvnw` and `gradlew`: the build tool that a project brings itself, which is started instead of the machine's own.

use super::{Findings, Kind, Setting, Source};

pub(super) const KIND: Kind = Kind {
    reads: "That it is there: what Maven or Gradle starts is started by it.",
    ..Kind::of("wrapper", "mvnw and gradlew", &["mvnw", "gradlew"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let name = source.path.rsplit('/').next().unwrap_or_default();
    found.settings.push(Setting { name: WRAPPER.to_owned(), value: name.to_owned(), service: None, line: 1 });
}

/// What the name of a wrapper is kept as.
const WRAPPER: &str = "wrapper of a build tool";
