//! `pom.xml`: a Spring Boot or Quarkus application, which Maven runs.

use super::{Findings, Kind, Source, gradle::start};

pub(super) const KIND: Kind = Kind {
    reads: "Whether the plugin of Spring Boot or Quarkus is used: `mvn spring-boot:run` or `mvn quarkus:dev` can be started, on port 8080 where application.yml says none.",
    ..Kind::of("maven", "pom.xml", &["pom.xml"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    for (number, line) in source.lines() {
        let (task, reason) = match line.trim() {
            "<artifactId>spring-boot-maven-plugin</artifactId>" => ("spring-boot:run", "the usual port of Spring Boot"),
            "<artifactId>quarkus-maven-plugin</artifactId>" => ("quarkus:dev", "the usual port of Quarkus"),
            _ => continue,
        };
        start(source, "app", &format!("mvn {task}"), number, reason, found);
        return;
    }
}
