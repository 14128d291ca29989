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
        let command = match (&service.command, &service.uses, &service.compose) {
            (Some(ServiceCommand::Line(command)), None, None) => command.clone(),
            (None, Some(uses), None) => format!("use {uses}"),
            (None, None, Some(composed)) => format!("compose {}", composed.service),
            other => panic!("{other:?}"),
        };
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
    assert_eq!(told(&[package, DB, env]), ["db 5432: compose db", "dev 3000: npm run dev after db"]);
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
    let (own, tools) = (("Procfile", "web: puma -p 3000\n"), ("tools/local/Procfile", "proxy: sh p.sh\n"));
    assert_eq!(told(&[own, tools]), ["web 3000: puma -p 3000"], "and for those below it");
    assert_eq!(told(&[tools]), ["proxy in tools/local: sh p.sh"]);
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
        ["app 8090: gradle bootRun"]
    );
    assert_eq!(told(&[("Makefile", "dev:\n\tpython3 -m http.server 8001\n")]), ["dev 8001: make dev"]);
    assert_eq!(
        told(&[("Makefile", "dev:\n\tnpm run dev\n"), ("package.json", "{\"scripts\":{\"dev\":\"vite\"}}")]),
        ["dev 5173: npm run dev"]
    );
}

#[test]
fn a_database_that_is_dialled_and_nowhere_started_is_one_of_its_own() {
    let package = ("package.json", "{\"scripts\":{\"dev\":\"next dev\"}}");
    let env = (".env", "DATABASE_URL=postgres://app:hunter2@localhost:5432/shop\nCELERY_BROKER_URL=redis://localhost:6379/3\n");
    assert_eq!(told(&[package, env]), ["db 5432: use postgres", "cache 6379: use redis", "dev 3000: npm run dev after cache db"]);
    let plan = planned(&given(&[package, env]));
    let values: Vec<String> = plan.plan.values.iter().map(|value| format!("{}={}", value.name, value.template)).collect();
    assert_eq!(values, ["CELERY_BROKER_URL=redis://default:{cache.password}@{cache}/3"], "the engine tells the other");
    assert!(plan.decide.is_empty(), "{:?}", plan.decide);
    let prisma = (".env", "DATABASE_URL=\"postgresql://a:b@localhost:5432/shop?schema=public\"\nOTHER=mysql://127.0.0.1/x\n");
    let plan = planned(&given(&[package, prisma])).plan;
    let values: Vec<String> = plan.values.iter().map(|value| value.template.to_string()).collect();
    assert_eq!(
        values,
        [
            "postgresql://{db.user}:{db.password}@{db}/{db.database}?schema=public",
            "mysql://{db-2.user}:{db-2.password}@{db-2}/{db-2.database}"
        ]
    );
    for elsewhere in [
        "DATABASE_URL=postgres://db.example.com/shop\n",
        "DB_HOST=mysql\nDB_PORT=3306\n",
        "DB_CONNECTION=sqlite\nDB_PORT=3306\n",
        "MAIL_PORT=1025\n",
    ] {
        assert_eq!(told(&[package, (".env", elsewhere)]), ["dev 3000: npm run dev"], "{elsewhere}");
    }
    for file in [".env.production", ".env.test"] {
        assert_eq!(told(&[package, (file, env.1)]), ["dev 3000: npm run dev"], "{file}");
    }
    assert!(told(&[env]).is_empty(), "nothing of the project needs it");
    // Another port than the one that is published is a finding of `check`, and no second database.
    assert_eq!(told(&[package, DB, (".env", "DATABASE_URL=postgres://localhost:5433/x\n")]).len(), 2);
    let procfile = ("Procfile", "web: node x.js -p $PORT\ncache: redis-server --port 6379\n");
    assert_eq!(told(&[procfile, (".env", "REDIS_URL=redis://localhost:6379\n")]).len(), 2, "it starts its own");
}

#[test]
fn a_database_without_a_password_in_a_program_is_somebodys_to_decide() {
    let manage = ("manage.py", "DJANGO_SETTINGS_MODULE\n");
    let settings = ("shop/settings.py", "CACHES = {'default': {'LOCATION': 'redis://localhost:6379/0'}}\n");
    assert_eq!(told(&[manage, settings]), ["cache 6379: use redis", "web 8000: python3 manage.py runserver after cache"]);
    assert_eq!(
        planned(&given(&[manage, settings])).decide,
        ["shop/settings.py:1 dials redis://localhost:6379 with no password, and cache asks for one: have it read REDIS_URL"]
    );
    let reads = ("shop/settings.py", "URL = os.environ.get('REDIS_URL',\n    'redis://localhost:6379/0')\n");
    assert!(planned(&given(&[manage, reads])).decide.is_empty());
}

#[test]
fn a_target_that_says_a_port_goes_before_a_guess() {
    let manage = ("manage.py", "DJANGO_SETTINGS_MODULE\n");
    let make = ("Makefile", "PORT ?= 8001\nshell:\n\tpython3 manage.py shell\nrun:\n\tpython3 manage.py runserver $(PORT)\n");
    assert_eq!(told(&[manage, make]), ["run 8001: make run"]);
    let other = ("Makefile", "docs:\n\tmkdocs serve\n");
    assert_eq!(told(&[manage, other]), ["web 8000: python3 manage.py runserver"]);
    let root = ("Makefile", "dev:\n\tcd back && python3 manage.py runserver 8000\n");
    assert_eq!(told(&[root, ("back/manage.py", manage.1)]), ["back 8000 in back: python3 manage.py runserver"]);
}

#[test]
fn applications_of_python_are_started_where_nothing_else_does() {
    let flask =
        ("app.py", "from flask import Flask\napp = Flask(__name__)\nif __name__ == '__main__':\n    app.run(port=5005)\n");
    let plan_of = |files: &[(&str, &str)]| {
        let all: Vec<crate::lint::File> = files
            .iter()
            .map(|(path, text)| {
                let kind = portward_wire::source::kind_of(path, &|_| true).unwrap();
                crate::lint::File::read(path, kind, text.as_bytes()).unwrap()
            })
            .collect();
        planned(&crate::lint::Project::new(portward_model::Text::from("/x"), all))
    };
    let line = |files: &[(&str, &str)]| {
        let plan = plan_of(files).plan;
        plan.services
            .iter()
            .map(|service| match &service.command {
                Some(ServiceCommand::Line(line)) => {
                    format!("{} {:?}: {line}", service.name, service.port().map(|port| port.asked))
                }
                _ => String::new(),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(line(&[flask]), ["web Some(5005): python3 app.py"]);
    let api = ("main.py", "api: FastAPI = FastAPI(title='x')\n");
    assert_eq!(line(&[api]), ["web Some(8000): uvicorn main:api --reload"]);
    assert_eq!(line(&[("app.py", "app = Flask(__name__)\n")]), ["web Some(5000): flask --app app run"]);
    assert_eq!(line(&[flask, ("Procfile", "web: gunicorn app:app\n")]), ["web Some(8000): gunicorn app:app"]);
    assert_eq!(
        line(&[flask, ("package.json", "{\"scripts\":{\"dev\":\"flask run -p 5001\"}}")]),
        ["dev Some(5001): npm run dev"]
    );
}

#[test]
fn ports_that_only_another_file_knows() {
    // One script, and one port that an editor passes on.
    let container = (".devcontainer/devcontainer.json", "{\"forwardPorts\": [4200, 5432]}");
    let start = ("package.json", "{\"scripts\":{\"start\":\"node built.js\"}}");
    assert_eq!(told(&[container, start]), ["start 4200: npm run start"]);
    let two = (".devcontainer/devcontainer.json", "{\"forwardPorts\": [4200, 4201]}");
    assert_eq!(told(&[two, start]), ["start: npm run start"]);
    // A number with a name, and a program in src.
    let server = ("package.json", "{\"scripts\":{\"dev\":\"nodemon src/index.js\"}}");
    assert_eq!(
        told(&[server, ("src/index.js", "const PORT = 3007;\napp.listen(PORT, () => 1)\n"), ("index.js", "x.listen(1)\n")]),
        ["dev 3007: npm run dev"]
    );
    // What foreman gives, and the .env beside it.
    let procfile = ("Procfile", "web: node x.js\napi: node y.js --port $PORT\nold: node z.js -p ${PORT:-4009}\n");
    assert_eq!(told(&[procfile]), ["web: node x.js", "api 5100: node y.js --port $PORT", "old 4009: node z.js -p ${PORT:-4009}"]);
    assert_eq!(told(&[("Procfile", "web: x -p $PORT\n"), (".env", "PORT=3100\n")]), ["web 3100: x -p $PORT"]);
    // A page's own builder beside a server that is none.
    let vite = ("vite.config.js", "export default {\n  server: { port: 5180 },\n}\n");
    assert_eq!(told(&[("artisan", "#!/usr/bin/env php\n"), vite]), ["web 8000: php artisan serve"]);
    assert_eq!(told(&[("Procfile", "web: node x.js -p $PORT\n"), vite]), ["web 5000: node x.js -p $PORT"]);
    // The build tool that the project brings.
    let pom = ("pom.xml", "<artifactId>spring-boot-maven-plugin</artifactId>\n");
    assert_eq!(told(&[pom]), ["app 8080: mvn spring-boot:run"]);
    assert_eq!(told(&[pom, ("mvnw", "#!/bin/sh\n")]), ["app 8080: ./mvnw spring-boot:run"]);
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

#[test]
fn what_is_shown_or_tested_is_not_what_a_project_runs() {
    let next = "{\"scripts\":{\"dev\":\"next dev\"}}";
    let aside = [("examples/basic/package.json", next), ("test/fixtures/app/package.json", next)];
    assert_eq!(told(&aside).len(), 2, "there is nothing else");
    let own = ("site/package.json", next);
    assert_eq!(told(&[aside[0], aside[1], own]), ["site 3000 in site: npm run dev"]);
    let compose = "services:\n  db:\n    image: postgres\n";
    let files = [("e2e/docker-compose.yml", compose), (".devcontainer/compose.yml", compose), DB, own];
    assert_eq!(told(&files), ["db 5432: compose db", "site 3000 in site: npm run dev"]);
}

#[test]
fn languages_with_a_server_of_their_own() {
    let boot = ("bin/rails", "require_relative \"../config/boot\"\n");
    assert_eq!(told(&[boot]), ["web 3000: bin/rails server"]);
    let puma = ("config/puma.rb", "port ENV.fetch(\"PORT\") { 3010 }\n");
    assert_eq!(told(&[boot, puma]), ["web 3010: bin/rails server"]);
    assert_eq!(told(&[boot, puma, ("Procfile.dev", "web: bin/rails server -p 3011\n")]), ["web 3011: bin/rails server -p 3011"]);
    let rust = ("api/src/main.rs", "let l = TcpListener::bind(\"0.0.0.0:3000\");\n");
    assert_eq!(told(&[rust]), ["api 3000 in api: cargo run"]);
    let serve = ("composer.json", "{\"scripts\":{\"serve\":\"php -S localhost:8000\"}}");
    assert_eq!(told(&[serve]), ["serve 8000: composer run-script --timeout=0 serve"]);
    assert_eq!(told(&[serve, ("artisan", "#!/usr/bin/env php\n")]), ["web 8000: php artisan serve"]);
    assert_eq!(
        told(&[
            ("deno.json", "{\"tasks\":{\"start\":\"deno run main.ts\",\"dev\":\"deno run -A main.ts\"}}"),
            ("main.ts", "Deno.serve({ port: 8000 }, f);\n")
        ]),
        ["dev 8000: deno task dev"]
    );
}

#[test]
fn programs_by_what_a_framework_and_a_build_call_them() {
    let nest = "{\"scripts\":{\"start\":\"nest start\"}}";
    let main = ("src/main.ts", "  await app.listen(process.env.PORT ?? 3004);\n");
    assert_eq!(told(&[("package.json", nest), main]), ["start 3004: npm run start"]);
    let built = "{\"scripts\":{\"start\":\"node dist/main.js\"}}";
    assert_eq!(told(&[("package.json", built), main]), ["start 3004: npm run start"]);
    let other = "{\"scripts\":{\"start\":\"node dist/worker.js\"}}";
    assert_eq!(told(&[("package.json", other), main]), ["start: npm run start"]);
    let www = ("bin/www", "var port = normalizePort(process.env.PORT || '3005');\n");
    assert_eq!(told(&[("package.json", "{\"scripts\":{\"start\":\"node ./bin/www\"}}"), www]), ["start 3005: npm run start"]);
}

#[test]
fn scripts_that_one_script_runs_at_once_are_services_of_their_own() {
    let scripts = |dev: &str| {
        format!(
            "{{\"scripts\":{{\"dev\":\"{dev}\",\"dev:web\":\"vite\",\"dev:api\":\"node --inspect=9230 server.js\",\"dev:css\":\"tailwindcss -w\",\"build\":\"vite build\"}}}}"
        )
    };
    let beside = [
        ("vite.config.ts", "export default {\n  server: { port: 5180 },\n}\n"),
        ("server.js", "app.listen(process.env.PORT || 4000)\n"),
    ];
    let all = |dev: &str| {
        let package = scripts(dev);
        told(&[("package.json", package.as_str()), beside[0], beside[1]])
    };
    let own = ["web 5180: npm run dev:web", "api 4000 9230: npm run dev:api", "css: npm run dev:css"];
    assert_eq!(all("concurrently \\\"npm:dev:*\\\""), own);
    assert_eq!(all("run-p dev:*"), own);
    assert_eq!(all("npm-run-all --parallel dev:web dev:api"), own[..2]);
    assert_eq!(
        all("concurrently -n front,back npm:dev:web 'npm run dev:api'"),
        ["front 5180: npm run dev:web", "back 4000 9230: npm run dev:api",]
    );
    // What runs beside them, or before them, is lost where they are taken apart.
    assert_eq!(all("concurrently npm:dev:* \\\"serve -p 4100\\\""), ["dev 4100 5180 4000 9230: npm run dev"]);
    assert_eq!(all("npm run build && run-p dev:*"), ["dev 5180 4000 9230: npm run dev"]);
    assert_eq!(all("npm run dev:api"), ["dev 4000 9230: npm run dev"]);
    let plan = planned(&given(&[("package.json", scripts("cross-env A=b run-p dev:*").as_str()), beside[0], beside[1]])).plan;
    let names: Vec<_> = plan.services[0].ports.iter().map(|port| port.name.as_deref()).collect();
    assert_eq!(names, [None, Some("api"), Some("debug")]);
}

#[test]
fn what_runs_itself_or_another_packages_script_has_no_port() {
    let package = |text: &str| format!("{{\"scripts\":{text}}}");
    for text in [
        "{\"dev\":\"npm run dev\"}",
        "{\"dev\":\"run-p dev dev:a\",\"dev:a\":\"npm run dev\"}",
        "{\"dev\":\"npm run web -w web\",\"web\":\"vite\"}",
    ] {
        assert_eq!(told(&[("package.json", &package(text))]), ["dev: npm run dev"], "{text}");
    }
    let above = package("{\"dev\":\"run-p dev:*\",\"dev:a\":\"vite\",\"dev:b\":\"serve -p 3001\"}");
    let library = ("packages/ui/package.json", "{\"scripts\":{\"dev\":\"tsc -w\"}}");
    assert_eq!(told(&[("package.json", &above), library])[..2], ["a 5173: npm run dev:a", "b 3001: npm run dev:b"]);
}

#[test]
fn tools_with_files_of_their_own() {
    let wrangler = ("wrangler.toml", "[dev]\nport = 8790\n");
    assert_eq!(told(&[wrangler]), ["worker 8790: npx wrangler dev"]);
    assert_eq!(told(&[wrangler, ("package.json", "{\"scripts\":{\"dev\":\"wrangler dev\"}}")]), ["dev 8790: npm run dev"]);
    let phoenix = ("config/dev.exs", "config :a, A.Endpoint,\n  http: [ip: {127, 0, 0, 1}, port: 4010]\n");
    assert_eq!(told(&[phoenix, ("assets/package.json", "{\"scripts\":{\"build\":\"x\"}}")]), ["web 4010: mix phx.server"]);
    assert_eq!(told(&[phoenix, ("Makefile", "run:\n\tmix phx.server\n")]), ["run 4010: make run"]);
    let docs = ("mkdocs.yml", "site_name: x\ndev_addr: localhost:8100\n");
    assert_eq!(told(&[docs]), ["docs 8100: mkdocs serve"]);
    assert_eq!(told(&[docs, ("manage.py", "DJANGO_SETTINGS_MODULE\n")]), ["web 8000: python3 manage.py runserver"]);
    assert_eq!(told(&[docs, ("Taskfile.yml", "tasks:\n  dev: mkdocs serve\n")]), ["dev 8100: task dev"]);
    assert_eq!(told(&[("hugo.toml", "a = 1\n")]), ["site 1313: hugo server"]);
    assert_eq!(told(&[("justfile", "dev:\n    vite --port 3010\n")]), ["dev 3010: just dev"]);
    assert_eq!(
        told(&[("justfile", "dev:\n    npm run dev\n"), ("package.json", "{\"scripts\":{\"dev\":\"vite\"}}")]),
        ["dev 5173: npm run dev"]
    );
}
