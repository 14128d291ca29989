//! `portward check`: what the files of a project say of ports, held against each other; nothing where nothing is wrong.

use std::fs;

use portward_testkit::{Outcome, World, differences, is_root};
use serde_json::Value;

use crate::world;

/// A project of these files, in a repository of its own.
fn project(world: &World, files: &[(&str, &str)]) {
    world.file("shop/.git/HEAD", "ref: refs/heads/main\n");
    for (path, text) in files {
        world.file(&format!("shop/{path}"), text);
    }
}

fn check(world: &World, words: &[&str]) -> Outcome {
    let words: Vec<&str> = ["check"].iter().chain(words).copied().collect();
    world.enter().directory(world.path().join("shop")).portward(&words)
}

fn codes(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap().iter();
    findings
        .map(|found| format!("{} {}:{}", found["code"].as_str().unwrap(), found["file"].as_str().unwrap(), found["line"]))
        .collect()
}

const COMPOSE: &str = "services:\n  db: # the database\n    image: postgres:16\n    ports:\n      - \"5432:5432\" # ours\n";

#[test]
fn a_clean_project_prints_nothing() {
    let Some(world) = world() else { return };
    project(
        &world,
        &[
            ("package.json", "{\"scripts\":{\"dev\":\"vite --port 5180\"}}"),
            ("compose.yml", "services:\n  db:\n    image: postgres:16\n    ports: [\"127.0.0.1:5432:5432\"]\n"),
            (".env", "DATABASE_URL=postgres://app@localhost:5432/shop\nOAUTH_CALLBACK_URL=http://localhost:5180/cb\n"),
        ],
    );
    let outcome = check(&world, &[]).expect(0);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""), "{outcome}");
    assert_eq!(check(&world, &["--json"]).expect(0).json()["files"], 3);
}

#[test]
fn files_that_compose_reads_together_are_judged_and_written_where_each_line_stands() {
    let Some(world) = world() else { return };
    let included = COMPOSE.replace("services:", "x-a: &a {b: 1} # anchors stay\nservices:").replace('\n', "\r\n");
    project(
        &world,
        &[
            ("compose.yaml", "include:\n  - infra/db.yml\n  - infra/web.yml\n"),
            ("infra/db.yml", &included),
            ("infra/web.yml", "services:\n  web:\n    extends: {file: base.yml, service: base}\n"),
            ("infra/base.yml", "services:\n  base:\n    ports:\n      - \"127.0.0.1:${WEB_PORT:-5432}:80\"\n"),
        ],
    );
    let document = check(&world, &["--json"]).expect(1).json();
    assert_eq!(codes(&document), ["services-share-port infra/base.yml:4", "compose-open-to-all infra/db.yml:6"]);
    let _ = check(&world, &["--fix", "--yes"]);
    let file = |name: &str| fs::read_to_string(world.path().join("shop/infra").join(name)).unwrap();
    assert_eq!(file("db.yml"), included.replace("\"5432:5432\"", "\"127.0.0.1:5432:5432\""));
    assert_eq!(file("base.yml"), "services:\n  base:\n    ports:\n      - \"127.0.0.1:${WEB_PORT:-5433}:80\"\n");
    let clean = check(&world, &[]).expect(0);
    assert_eq!(clean.stdout, "", "{clean}");
    // What stands outside is read, but not by root for another user.
    world.file("else.yml", "services:\n  x:\n    ports: [\"7000:7000\"]\n");
    world.file("shop/compose.yaml", "include: [../else.yml]\n");
    let outside = check(&world, &["--json"]).expect(1).json();
    assert_eq!(codes(&outside), ["compose-open-to-all ../else.yml:3"]);
    if is_root() {
        std::os::unix::fs::chown(world.path().join("shop"), Some(65534), None).unwrap();
        let closed = check(&world, &[]).expect(0);
        assert!(closed.stderr.contains("else.yml") && !format!("{closed}").contains("7000"), "{closed}");
        std::os::unix::fs::chown(world.path().join("shop"), Some(0), None).unwrap();
    }
    world.file("shop/.env", "COMPOSE_FILE=none.yml\n");
    let missing = check(&world, &[]).expect(0);
    assert!(missing.stderr.contains("none.yml") && missing.stderr.contains("it is named, and cannot be read"), "{missing}");
}

#[test]
fn what_disagrees_has_its_place_its_reason_and_the_line_to_write() {
    let Some(world) = world() else { return };
    project(
        &world,
        &[
            ("compose.yml", COMPOSE),
            (".env", "# local\nDATABASE_URL=postgres://app@localhost:5433/shop\n"),
            ("Procfile", "web: puma -p 3000\napi: PORT=3000 node a.js\n"),
        ],
    );
    let outcome = check(&world, &[]).expect(1);
    for part in [
        "compose.yml:5  compose-open-to-all",
        "+       - \"127.0.0.1:5432:5432\" # ours",
        ".env:2  client-elsewhere",
        "+ DATABASE_URL=postgres://app@localhost:5432/shop",
        "Procfile:2  services-share-port",
    ] {
        assert!(outcome.stdout.contains(part), "{part}\n{outcome}");
    }
    let document = check(&world, &["--json"]).expect(1).json();
    assert_eq!(
        codes(&document),
        ["client-elsewhere .env:2", "services-share-port Procfile:2", "compose-open-to-all compose.yml:5"]
    );
}

#[test]
fn a_fix_changes_its_lines_and_no_other_byte() {
    let Some(world) = world() else { return };
    let compose = COMPOSE.replace('\n', "\r\n").replace("services:", "x-a: &a {b: 1} # anchors stay\r\nservices:");
    project(&world, &[("compose.yml", &compose)]);
    let file = world.path().join("shop/compose.yml");
    // Nobody is there to ask: nothing is written.
    let _ = check(&world, &["--fix"]).expect(1);
    assert_eq!(fs::read_to_string(&file).unwrap(), compose);
    let outcome = check(&world, &["--fix", "--yes"]).expect(0);
    assert!(outcome.stdout.contains("written"), "{outcome}");
    assert_eq!(fs::read_to_string(&file).unwrap(), compose.replace("\"5432:5432\"", "\"127.0.0.1:5432:5432\""));
    assert_eq!(fs::read_dir(world.path().join("shop")).unwrap().count(), 2, "no part is left behind");
}

#[test]
fn a_line_with_a_secret_is_neither_shown_nor_written() {
    let Some(world) = world() else { return };
    let env = "DATABASE_URL=postgres://app:hunter2@localhost:5433/shop\n";
    project(&world, &[("compose.yml", "services:\n  db:\n    ports: [\"127.0.0.1:5432:5432\"]\n"), (".env", env)]);
    for words in [&[][..], &["--json"], &["--sarif"], &["--fix", "--yes"]] {
        let outcome = check(&world, words).expect(1);
        assert!(!outcome.stdout.contains("hunter2") && !outcome.stderr.contains("hunter2"), "{outcome}");
    }
    assert_eq!(fs::read_to_string(world.path().join("shop/.env")).unwrap(), env);
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_checked() {
    let Some(world) = world() else { return };
    project(&world, &[("compose.yml", COMPOSE), ("package.json", "{\n \"scripts\": {"), ("web/package.json", "\u{0}")]);
    std::os::unix::fs::symlink("a", world.path().join("shop/Procfile")).unwrap();
    std::os::unix::fs::symlink("Procfile", world.path().join("shop/a")).unwrap();
    std::os::unix::fs::symlink("..", world.path().join("shop/web/up")).unwrap();
    let wide: Vec<u8> = "\u{feff}PORT=80\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(world.path().join("shop/.env"), wide).unwrap();
    let outcome = check(&world, &[]).expect(1);
    for part in
        ["package.json:2 was not read:", "web/package.json was not read: it holds zeros", "Procfile was not read: it is a link"]
    {
        assert!(outcome.stderr.contains(part), "{part}\n{outcome}");
    }
    for part in ["compose-open-to-all", ".env:1  service-needs-privilege"] {
        assert!(outcome.stdout.contains(part), "{part}\n{outcome}");
    }
}

#[test]
fn nothing_is_read_in_what_git_ignores_and_others_fill() {
    let Some(world) = world() else { return };
    project(
        &world,
        &[
            (".gitignore", "/generated/\n"),
            ("generated/compose.yml", COMPOSE),
            ("node_modules/a/compose.yml", COMPOSE),
            ("vendor/b/compose.yml", COMPOSE),
            ("venv/pyvenv.cfg", ""),
            ("venv/compose.yml", COMPOSE),
        ],
    );
    assert_eq!(check(&world, &[]).expect(0).stdout, "");
}

#[test]
fn a_project_file_that_says_another_port_than_its_script() {
    let Some(world) = world() else { return };
    project(
        &world,
        &[
            ("package.json", "{\"scripts\":{\"dev\":\"vite --port 5180\"}}"),
            ("portward.toml", "[services.web]\ncommand = \"npm run dev\"\nport = 3000 # ours\n"),
        ],
    );
    let document = check(&world, &["--json"]).expect(1).json();
    assert_eq!(codes(&document), ["file-disagrees portward.toml:3"]);
    let _ = check(&world, &["--fix", "--yes"]).expect(0);
    let text = fs::read_to_string(world.path().join("shop/portward.toml")).unwrap();
    assert!(text.ends_with("port = 5180 # ours\n"), "{text}");
}

#[test]
fn a_program_that_listens_elsewhere_than_its_files_say() {
    let Some(world) = world() else { return };
    project(&world, &[("web/package.json", "{\"scripts\":{\"dev\":\"vite --port 5180\"}}")]);
    let _server = world.enter().directory(world.path().join("shop/web")).actor(&["web", "tcp/127.0.0.1:5181"]);
    let document = check(&world, &["--json"]).expect(1).json();
    assert_eq!(codes(&document), ["listens-elsewhere web/package.json:1"]);
    let _second = world.enter().directory(world.path().join("shop/web")).actor(&["web", "tcp/127.0.0.1:5180"]);
    let _ = check(&world, &[]).expect(0);
}

#[test]
fn a_readme_whose_table_is_not_what_the_project_declares() {
    let Some(world) = world() else { return };
    project(&world, &[("portward.toml", "[services.web]\ncommand = \"x\"\nport = 3000\n")]);
    let folder = world.path().join("shop");
    let table = world.enter().directory(&folder).portward(&["ports", "--markdown"]).expect(0).stdout;
    let readme = format!("# Shop\n\nPorts:\n\n{table}\nThe end.\n");
    world.file("shop/README.md", &readme);
    assert_eq!(check(&world, &[]).expect(0).stdout, "");
    world.file("shop/README.md", readme.replace("3000", "3001"));
    assert_eq!(codes(&check(&world, &["--json"]).expect(1).json()), ["table-stale README.md:5"]);
}

/// The parts of SARIF 2.1.0 that are written, held strictly: every key is one of the standard's, and what it requires is there.
#[test]
fn sarif_has_the_shape_of_its_standard() {
    let Some(world) = world() else { return };
    project(&world, &[("compose.yml", COMPOSE), ("a b/Procfile", "web: puma -p 3000\napi: PORT=3000 node a.js\n")]);
    let outcome = check(&world, &["--sarif"]).expect(1);
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    keys(&document, &["$schema", "version", "runs"], &[]);
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    keys(run, &["tool", "results"], &["columnKind"]);
    let driver = &run["tool"]["driver"];
    keys(driver, &["name", "version", "rules"], &[]);
    let rules = driver["rules"].as_array().unwrap();
    for rule in rules {
        keys(rule, &["id", "shortDescription", "fullDescription", "help", "defaultConfiguration"], &[]);
        assert!(["note", "warning", "error"].contains(&rule["defaultConfiguration"]["level"].as_str().unwrap()));
        assert!(["shortDescription", "fullDescription", "help"].iter().all(|key| rule[*key]["text"].is_string()));
    }
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        keys(result, &["ruleId", "ruleIndex", "level", "message", "partialFingerprints", "locations"], &["fixes"]);
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(result["message"]["text"].is_string() && result["partialFingerprints"]["portward/v1"].is_string());
        let physical = &result["locations"][0]["physicalLocation"];
        keys(physical, &["artifactLocation", "region"], &[]);
        keys(&physical["artifactLocation"], &["uri", "uriBaseId"], &[]);
        assert!(physical["region"]["startLine"].as_u64().unwrap() > 0);
        for fix in result["fixes"].as_array().into_iter().flatten() {
            keys(fix, &["description", "artifactChanges"], &[]);
            for replacement in fix["artifactChanges"][0]["replacements"].as_array().unwrap() {
                keys(replacement, &["deletedRegion", "insertedContent"], &[]);
                assert!(replacement["insertedContent"]["text"].is_string());
            }
        }
    }
    let uris: Vec<&Value> =
        results.iter().map(|result| &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]).collect();
    assert_eq!(uris, ["a%20b/Procfile", "compose.yml"]);
}

/// The same by the schema that goes with the standard, as another project carries it; with each kind of finding that there is a line for.
#[test]
fn sarif_is_as_the_schema_of_its_standard_says() {
    let Some(world) = world() else { return };
    let Some(package) = world.npm_package("@microsoft/jest-sarif") else { return };
    let schema = world.run(&["cat", package.join("lib/schemas/sarif-2.1.0-rtm.5.json").to_str().unwrap()]).expect(0).stdout;
    // A pattern of languages has a bracket that nothing opens, which JavaScript alone takes.
    let schema: Value = serde_json::from_str(&schema.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$")).unwrap();
    project(&world, &[("compose.yml", COMPOSE), ("a b/Procfile", "web: puma -p 3000\napi: PORT=3000 node a.js\n")]);
    let found: Value = serde_json::from_str(&check(&world, &["--sarif"]).expect(1).stdout).unwrap();
    assert!(found["runs"][0]["results"].as_array().unwrap().iter().any(|result| !result["fixes"].is_null()), "{found:#}");
    project(&world, &[("compose.yml", "services: {}\n"), ("a b/Procfile", "web: puma -p 3000\n")]);
    let none: Value = serde_json::from_str(&check(&world, &["--sarif"]).expect(0).stdout).unwrap();
    for document in [&found, &none] {
        assert_eq!(differences(&schema, document), Vec::<String>::new(), "{document:#}");
    }
    let mut wrong = found;
    wrong["runs"][0]["results"][0]["level"] = "dreadful".into();
    assert!(!differences(&schema, &wrong).is_empty(), "the schema holds documents to it");
}

#[track_caller]
fn keys(object: &Value, must: &[&str], may: &[&str]) {
    let object = object.as_object().unwrap();
    assert!(must.iter().all(|key| object.contains_key(*key)), "{object:?} lacks one of {must:?}");
    assert!(object.keys().all(|key| must.contains(&key.as_str()) || may.contains(&key.as_str())), "{object:?}");
}
