//! `build.gradle`: a Spring Boot or Quarkus application, which Gradle runs.

use super::{Fact, Findings, Kind, Source, Start, What};

pub(super) const KIND: Kind = Kind {
    reads: "Whether the plugin of Spring Boot or Quarkus is applied: `bootRun` or `quarkusDev` can be started, on port 8080 where application.yml says none.",
    ..Kind::of("gradle", "build.gradle", &["build.gradle", "build.gradle.kts"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    for (number, line) in source.lines() {
        let line = line.trim();
        let is_plugin = line.starts_with("id") || line.starts_with("apply");
        let (task, reason) = if is_plugin && line.contains("org.springframework.boot") && !line.contains("apply false") {
            ("bootRun", "the usual port of Spring Boot")
        } else if is_plugin && line.contains("io.quarkus") {
            ("quarkusDev", "the usual port of Quarkus")
        } else {
            continue;
        };
        start(source, "app", &format!("gradle {task}"), number, reason, found);
        return;
    }
}

/// What a build tool runs.
pub(super) fn start(source: &Source<'_>, name: &str, line: &str, number: u32, reason: &'static str, found: &mut Findings) {
    found.facts.push(Fact::new(8080, What::Usual, reason, number, 1).of(name));
    found.starts.push(Start {
        name: name.to_owned(),
        command: Some(line.to_owned()),
        folder: source.folder().to_owned(),
        line: number,
        ..Start::default()
    });
}
