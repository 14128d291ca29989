use portward_model::Text;
use portward_wire::stack::Variables;

use super::super::{File, Project, examine, kind_among, planned::planned};

/// A project whose files stand on a disk: those of a known kind are in hand, the others are opened where they are named.
fn project(files: &[(&str, &str)], set: &[(&str, &str)]) -> (Project, Vec<String>) {
    let paths = files.iter().map(|(path, _)| *path);
    let file = |(path, text): &(&str, &str)| File::read(path, kind_among(path, &paths)?, text.as_bytes()).ok();
    let mut environment = Variables::default();
    for (name, value) in set {
        environment.add(name, value);
    }
    let open = |path: &str| files.iter().find(|(own, _)| *own == path).map(|(_, text)| text.as_bytes().to_vec());
    let root = Text::from("/home/ana/shop");
    let (project, flaws) = Project::with(root, files.iter().filter_map(file).collect(), &environment, &open);
    (project, flaws.iter().map(|flaw| format!("{}:{} {}", flaw.file, flaw.line, flaw.words)).collect())
}

/// What is found, as `CODE FILE:LINE`, with the line to write where there is one.
fn found(project: &Project) -> Vec<String> {
    let one = |finding: portward_model::Finding| {
        let place = finding.place.unwrap();
        let written = finding.remedies.iter().find_map(|remedy| Some(remedy.edits()?.then[0].shown()));
        let written = written.map(|line| format!(" {}", line.trim())).unwrap_or_default();
        format!("{} {}:{}{written}", finding.code, place.file, place.line.unwrap())
    };
    examine(project).into_iter().map(one).collect()
}

fn services(project: &Project) -> Vec<String> {
    let one = |service: &portward_model::plan::Service| {
        let ports: Vec<String> =
            service.ports.iter().map(|port| format!("{}@{}:{}", port.asked, port.origin.file, port.origin.line)).collect();
        format!("{} {}", service.name, ports.join(" ")).trim().to_owned()
    };
    planned(project).plan.services.iter().map(one).collect()
}

#[test]
fn a_port_in_an_included_file_is_found_at_its_place() {
    let (project, flaws) = project(
        &[
            (
                "compose.yaml",
                "include:\n  - infra/db.yml\nservices:\n  web:\n    image: shop\n    depends_on: [db]\n    ports: [\"127.0.0.1:3000:80\"]\n",
            ),
            ("infra/db.yml", "# ours\nservices:\n  db:\n    image: postgres:16\n    ports:\n      - \"5432:5432\" # kept\n"),
        ],
        &[],
    );
    assert_eq!(flaws, [] as [String; 0]);
    assert_eq!(found(&project), ["compose-open-to-all infra/db.yml:6 - \"127.0.0.1:5432:5432\" # kept"]);
    assert_eq!(services(&project), ["db 5432@infra/db.yml:6", "web 3000@compose.yaml:7"]);
    let plan = planned(&project).plan;
    let web = plan.service("web").unwrap();
    assert_eq!((web.after.as_slice(), plan.service("db").unwrap().folder.as_deref()), (&["db".to_owned()][..], None));
}

#[test]
fn two_included_files_that_publish_one_port() {
    let (project, _) = project(
        &[
            ("docker-compose.yml", "include: [a/x.yml, {path: b/y.yml}]\n"),
            ("a/x.yml", "services:\n  a:\n    ports: [\"127.0.0.1:3000:1\"]\n"),
            ("b/y.yml", "services:\n  b:\n    ports:\n      - \"127.0.0.1:3000:2\"\n"),
        ],
        &[],
    );
    assert_eq!(found(&project), ["services-share-port b/y.yml:4 - \"127.0.0.1:3001:2\""]);
}

#[test]
fn what_a_service_extends_from_another_file_is_its_own() {
    let (project, _) = project(
        &[
            (
                "compose.yml",
                "services:\n  web:\n    extends: {file: base/common.yml, service: app}\n  api:\n    ports: [\"127.0.0.1:4000:1\"]\n",
            ),
            (
                "base/common.yml",
                "services:\n  app:\n    image: x\n    ports:\n      - \"4000:80\"\n  unused:\n    ports: [\"1:1\"]\n",
            ),
        ],
        &[],
    );
    assert_eq!(
        found(&project),
        [
            "compose-open-to-all base/common.yml:5 - \"127.0.0.1:4000:80\"",
            "services-share-port compose.yml:5 ports: [\"127.0.0.1:4001:1\"]"
        ]
    );
    assert_eq!(services(&project), ["web 4000@base/common.yml:5", "api 4000@compose.yml:5"]);
}

#[test]
fn files_that_compose_file_names_are_laid_over_each_other() {
    let files = [
        (".env", "COMPOSE_FILE=base.yml:dev.yml\nWEB_PORT=3200\n"),
        ("base.yml", "services:\n  web:\n    ports: [\"127.0.0.1:${WEB_PORT:-3000}:80\"]\n  db:\n    ports: [\"5432:5432\"]\n"),
        (
            "dev.yml",
            "services:\n  web:\n    ports:\n      - \"127.0.0.1:3201:80\"\n  db:\n    ports: !override [\"127.0.0.1:5433:5432\"]\n",
        ),
        ("compose.yml", "services:\n  other:\n    image: x\n"),
    ];
    let (named, _) = project(&files, &[]);
    assert_eq!(found(&named), ["compose-list-appends dev.yml:3 ports: !override"]);
    assert_eq!(services(&named), ["db 5433@dev.yml:6", "web 3200@base.yml:3 3201@dev.yml:4"]);
    let (of_environment, _) = project(&files, &[("COMPOSE_FILE", "base.yml"), ("WEB_PORT", "3300")]);
    assert_eq!(services(&of_environment), ["db 5432@base.yml:5", "web 3300@base.yml:3"]);
}

#[test]
fn what_is_missing_or_in_a_circle_is_said_and_the_rest_is_read() {
    let (project, flaws) = project(
        &[
            ("compose.yml", "include: [infra/compose.yml, none.yml]\nservices:\n  web:\n    ports: [\"127.0.0.1:3000:80\"]\n"),
            ("infra/compose.yml", "include: [../compose.yml]\nservices:\n  db:\n    ports: [\"127.0.0.1:5432:5432\"]\n"),
        ],
        &[],
    );
    assert_eq!(services(&project), ["db 5432@infra/compose.yml:4", "web 3000@compose.yml:4"]);
    assert!(flaws.contains(&"none.yml:0 it is named, and cannot be read".to_owned()), "{flaws:?}");
    assert!(flaws.iter().any(|flaw| flaw.ends_with("files include each other in a circle")), "{flaws:?}");
    assert_eq!(found(&project), [] as [String; 0]);
}

#[test]
fn what_stands_outside_of_the_project_is_told_and_not_written() {
    let (project, _) = project(
        &[
            ("compose.yml", "include: [../shared/db.yml]\n"),
            ("../shared/db.yml", "services:\n  db:\n    ports:\n      - \"5432:5432\"\n"),
        ],
        &[],
    );
    assert_eq!(found(&project), ["compose-open-to-all ../shared/db.yml:4"]);
}

#[test]
fn a_profile_that_is_wanted_is_started() {
    let files = [("compose.yml", "services:\n  db:\n    profiles: [data]\n    ports: [\"127.0.0.1:5432:5432\"]\n")];
    assert_eq!(services(&project(&files, &[]).0), [] as [String; 0]);
    assert_eq!(services(&project(&files, &[("COMPOSE_PROFILES", "a,data")]).0), ["db 5432@compose.yml:4"]);
}
