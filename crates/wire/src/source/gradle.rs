//! `build.gradle`: a Spring Boot or Quarkus application, which Gradle runs.

use super::{Fact, Findings, Kind, Source, Start, What};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "Whether the plugin of Spring Boot or Quarkus is applied: `bootRun` or `quarkusDev` can be started, on port 8080 where application.yml says none.",
    ..Kind::of("gradle", "build.gradle", &["build.gradle", "build.gradle.kts"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    for (number, line) in source.lines() {
        let line = line.trim();
        let line = line.strip_prefix("plugins").map_or(line, |block| block.trim_start_matches([' ', '{']));
        let is_plugin = ["id", "apply", "alias"].iter().any(|word| line.starts_with(word)) && !line.contains("apply false");
        // By its name, or by what a catalogue of versions calls it: `alias(libs.plugins.spring.boot)`.
        let named = |names: &[&str]| is_plugin && names.iter().any(|name| line.contains(name));
        let (task, reason) = if named(&["org.springframework.boot", "spring.boot", "springBoot", "springboot"]) {
            ("bootRun", "the usual port of Spring Boot")
        } else if named(&["io.quarkus", "libs.plugins.quarkus"]) {
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
