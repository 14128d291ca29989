//! `pom.xml`: a Spring Boot or Quarkus application, which Maven runs.

use super::{Findings, Kind, Source, gradle::start};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "Whether the plugin of Spring Boot or Quarkus is used: `mvn spring-boot:run` or `mvn quarkus:dev` can be started, on port 8080 where application.yml says none.",
    ..Kind::of("maven", "pom.xml", &["pom.xml"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    for (number, line) in source.lines() {
        let uses = |plugin: &str| line.contains(&format!("<artifactId>{plugin}</artifactId>"));
        let (task, reason) = if uses("spring-boot-maven-plugin") {
            ("spring-boot:run", "the usual port of Spring Boot")
        } else if uses("quarkus-maven-plugin") {
            ("quarkus:dev", "the usual port of Quarkus")
        } else {
            continue;
        };
        start(source, "app", &format!("mvn {task}"), number, reason, found);
        return;
    }
}
