//! What is served by a tool of its own, and files of targets.

use super::{read, said};

/// The first thing that can be started: `NAME: COMMAND in FOLDER`.
fn start(path: &str, text: &str) -> String {
    let found = read(path, text);
    let told = found.starts.first().map(|start| {
        let folder = if start.folder.is_empty() { String::new() } else { format!(" in {}", start.folder) };
        format!("{}: {}{folder}", start.name, start.command.as_deref().unwrap())
    });
    told.unwrap_or_default()
}

#[test]
fn programs_of_the_edge() {
    for (path, text, command, facts) in [
        ("wrangler.toml", "name = \"x\"\n\n[dev]\nip = \"127.0.0.1\"\nport = 8790\n", "dev", "8790 asks@127.0.0.1 worker 5:8"),
        ("api/wrangler.toml", "dev.port = 8791\n", "dev in api", "8791 asks worker 1:12"),
        (
            "wrangler.toml",
            "dev = { port = 8792, inspector_port = 9230 }\n",
            "dev",
            "9230 debugger worker 1:39, 8792 asks worker 1:16",
        ),
        ("wrangler.jsonc", "{\n  // ours\n  \"dev\": { \"port\": 8793, },\n}\n", "dev", "8793 asks worker 3:20"),
        ("wrangler.toml", "name = \"x\"\nport = 1\n[env.production]\nport = 2\n", "dev", "8787 usual worker 1:1"),
        ("wrangler.toml", "pages_build_output_dir = \"dist\"\n", "pages dev", "8788 usual worker 1:1"),
    ] {
        assert_eq!(
            (start(path, text), said(path, text).join(", ")),
            (format!("worker: npx wrangler {command}"), facts.to_owned())
        );
    }
    assert_eq!(read("wrangler.toml", "[dev\nport = 1\n").flaws[0].line, 1);
}

#[test]
fn applications_of_phoenix() {
    let one = "import Config\n\nconfig :shop, Shop.Repo,\n  port: 5433\n\nconfig :shop, ShopWeb.Endpoint,\n  # http: [port: 1],\n  http: [ip: {127, 0, 0, 1}, port: 4010],\n  live_reload: [port: 2]\n";
    assert_eq!(said("config/dev.exs", one), ["4010 asks@127.0.0.1 web 8:36"]);
    assert_eq!(start("apps/web/config/dev.exs", one), "web: mix phx.server in apps/web");
    let several = "config :shop, ShopWeb.Endpoint,\n  http: [\n    ip: {0, 0, 0, 0, 0, 0, 0, 0},\n    port: String.to_integer(System.get_env(\"PORT\") || \"4011\")\n  ],\n  https: [port: 4012, cipher_suite: :strong],\n  watchers: [port: 3]\n";
    assert_eq!(said("config/dev.exs", several), ["4011 asks@:: web $PORT 4:56", "4012 asks web 6:17"]);
    for none in [
        "config :shop, Shop.Repo, port: 5432\n",
        "config :shop, ShopWeb.Endpoint, http: [ip: {127, 0, 0, 1}]\n",
        "http: [port: 4000]\n",
    ] {
        assert_eq!((start("config/dev.exs", none), said("config/dev.exs", none)), (String::new(), Vec::new()), "{none}");
    }
}

#[test]
fn sites() {
    for (path, text, command, fact) in [
        (
            "docs/_config.yml",
            "title: x\nport: 4100\nhost: 0.0.0.0\n",
            "site: bundle exec jekyll serve in docs",
            "4100 asks@0.0.0.0 site 2:7",
        ),
        ("_config.yml", "title: x\n", "site: bundle exec jekyll serve", "4000 usual site 1:1"),
        ("hugo.toml", "baseURL = 'x'\n", "site: hugo server", "1313 usual site 1:1"),
        ("www/config/_default/hugo.yaml", "a: 1\n", "site: hugo server in www", "1313 usual site 1:1"),
        ("mkdocs.yml", "site_name: x\ndev_addr: 127.0.0.1:8100\n", "docs: mkdocs serve", "8100 asks@127.0.0.1 docs 2:11"),
        ("mkdocs.yml", "x: !!python/name:a.b\n", "docs: mkdocs serve", "8000 usual docs 1:1"),
    ] {
        assert_eq!((start(path, text), said(path, text).join(", ")), (command.to_owned(), fact.to_owned()), "{path}");
    }
    assert!(super::kind_of("_config.yml", &|name| name == "package.json").is_none(), "Hexo's has that name, too");
}

#[test]
fn recipes() {
    let text = "set shell := [\"sh\", \"-c\"]\nport := \"3000\"\n\n# serves\n[private]\nserve where=\"127.0.0.1\": build\n    @python3 -m http.server --bind {{where}} {{port}}\n\nbuild:\n    cargo build --port-range 1\n\nat number:\n    vite --port {{number}}\n\nweb *rest:\n\tvite --port 3001 {{rest}}\n\n_own at=port:\n    vite --port {{at}}\n";
    assert_eq!(
        said("justfile", text),
        ["3000 asks serve 7:0", "5173 usual at 13:5", "3001 asks web 16:7", "3000 asks _own 19:0"]
    );
    let starts: Vec<String> = read("justfile", text).starts.iter().filter_map(|start| start.command.clone()).collect();
    assert_eq!(starts, ["just serve", "just web"], "one that wants a word is none, and no private one");
}

#[test]
fn tasks_of_a_task_file() {
    let text = "version: '3'\nvars:\n  PORT: 3100\nenv: {PORT: '{{.PORT}}'}\ntasks:\n  web:\n    dir: web\n    cmds:\n      - npm ci\n      - vite --port {{.PORT}}\n  api:\n    env: {PORT: 3101}\n    cmd: node api.js\n  build: go build ./...\n  docs:\n    vars: {DOCS: 3102}\n    cmds:\n      - task: build\n      - cmd: mkdocs serve -a localhost:{{.DOCS}}\n      - 'serve -l {{.OTHER | default 3103}} {{.CLI_ARGS}}'\n  hidden:\n    internal: true\n    cmd: vite --port 3104\n";
    assert_eq!(said("Taskfile.yml", text)[0], "3100 asks web 10:0");
    let starts: Vec<String> = read("Taskfile.yml", text).starts.iter().filter_map(|start| start.command.clone()).collect();
    assert_eq!(starts, ["task web", "task api", "task docs"]);
    let all = said("Taskfile.yml", text);
    assert!(all.contains(&"3101 asks api 13:0".to_owned()) && all.contains(&"3103 asks docs 20:0".to_owned()), "{all:?}");
    assert!(!all.iter().any(|fact| fact.contains("build") || fact.starts_with("3104")), "{all:?}");
}
