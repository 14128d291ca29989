//! Projects, and what would be started.

use portward_model::plan::ServiceCommand;

use super::planned;
use crate::lint::given;

/// `NAME PORT... FOLDER: COMMAND after ...` of each service.
fn told(files: &[(&str, &str)]) -> Vec<String> {
    let planned = planned(&given(files));
    let line = |service: &portward_model::plan::Service| {
        let ports: Vec<String> = service.ports.iter().map(|port| format!(" {}", port.asked)).collect();
        let ports = ports.concat();
        let Some(ServiceCommand::Line(command)) = &service.command else { panic!() };
        let after = if service.after.is_empty() { String::new() } else { format!(" after {}", service.after.join(" ")) };
        let folder = service.folder.as_ref().map(|folder| format!(" in {folder}")).unwrap_or_default();
        format!("{}{ports}{folder}: {command}{after}", service.name)
    };
    planned.plan.services.iter().map(line).collect()
}

const DB: (&str, &str) = ("compose.yml", "services:\n  db:\n    image: postgres:16\n    ports: [\"127.0.0.1:5432:5432\"]\n");

#[test]
fn one_script_of_a_package_and_its_database_first() {
    let package =
        ("package.json", "{\"scripts\":{\"dev\":\"next dev\",\"start\":\"next start -p 80\",\"build\":\"next build\"}}");
    let env = (".env", "DATABASE_URL=postgres://app@localhost:5432/shop\n");
    assert_eq!(told(&[package, DB, env]), ["db 5432: docker compose up db", "dev 3000: npm run dev after db"]);
    let plan = planned(&given(&[package, DB, env])).plan;
    assert_eq!(plan.values[0].template.to_string(), "postgres://app@{db}/shop");
    assert_eq!(plan.services[0].protocol.as_deref(), Some("postgres"));
}

#[test]
fn what_a_runner_starts_is_started_itself() {
    assert_eq!(
        told(&[
            ("package.json", "{\"workspaces\":[\"apps/*\"],\"scripts\":{\"dev\":\"turbo run dev\"}}"),
            ("apps/web/package.json", "{\"scripts\":{\"dev\":\"vite\"}}"),
            ("apps/web/vite.config.ts", "export default {\n  server: { port: 5180 },\n}\n"),
            ("apps/api/package.json", "{\"scripts\":{\"dev\":\"node --inspect=9230 server.js\"}}"),
            ("apps/api/server.js", "app.listen(process.env.PORT || 3000)\n"),
        ]),
        ["web 5180 in apps/web: npm run dev", "api 3000 9230 in apps/api: npm run dev"]
    );
}

#[test]
fn a_procfile_stands_for_the_scripts_beside_it() {
    let files =
        [("Procfile", "web: npm start\nworker: node w.js\n"), ("package.json", "{\"scripts\":{\"start\":\"next start\"}}")];
    assert_eq!(told(&files), ["web: npm start", "worker: node w.js"]);
}

#[test]
fn a_service_that_compose_builds_is_started_from_its_folder() {
    let compose = (
        "compose.yml",
        "services:\n  web:\n    build: ./web\n    ports: [\"3000:3000\"]\n  tool:\n    image: x\n    profiles: [debug]\n",
    );
    let files = [compose, ("web/package.json", "{\"scripts\":{\"dev\":\"next dev\"}}")];
    assert_eq!(told(&files), ["web 3000 in web: npm run dev"]);
    let decide = planned(&given(&files)).decide;
    assert_eq!(decide.len(), 2, "{decide:?}");
    assert!(decide[0].starts_with("compose.yml:2 builds web") && decide[1].contains("profile debug"), "{decide:?}");
}

#[test]
fn frameworks_by_their_own_files() {
    assert_eq!(told(&[("manage.py", "DJANGO_SETTINGS_MODULE\n")]), ["web 8000: python3 manage.py runserver"]);
    assert_eq!(
        told(&[("artisan", "#!/usr/bin/env php\n"), ("package.json", "{\"scripts\":{\"dev\":\"vite\"}}")]),
        ["web 8000: php artisan serve", "dev 5173: npm run dev"]
    );
    assert_eq!(
        told(&[
            ("build.gradle", "plugins {\n  id 'org.springframework.boot' version '3'\n}\n"),
            ("src/main/resources/application.yml", "server:\n  port: 8090\n"),
            ("src/main/resources/application-prod.yml", "server:\n  port: 80\n"),
        ]),
        ["app 8090: ./gradlew bootRun"]
    );
    assert_eq!(told(&[("Makefile", "dev:\n\tpython3 -m http.server 8001\n")]), ["dev 8001: make dev"]);
    assert_eq!(
        told(&[("Makefile", "dev:\n\tnpm run dev\n"), ("package.json", "{\"scripts\":{\"dev\":\"vite\"}}")]),
        ["dev 5173: npm run dev"]
    );
}

#[test]
fn names_are_told_apart_and_secrets_stay_where_they_are() {
    let vite = "{\"scripts\":{\"dev\":\"vite\"}}";
    assert_eq!(
        told(&[("a/web/package.json", vite), ("b/web/package.json", vite)]),
        ["web 5173 in a/web: npm run dev", "web-2 5173 in b/web: npm run dev"]
    );
    let env = (".env", "DATABASE_URL=postgres://app:hunter2@localhost:5432/shop\n");
    let planned = planned(&given(&[DB, env]));
    assert!(planned.plan.values.is_empty() && !planned.decide.join("").contains("hunter2"));
    assert_eq!(planned.decide, [".env:1 DATABASE_URL has a secret in it, so it is left where it is"]);
}
