//! Each kind of file, read for what it says; and noise.

mod served;
mod started;

use portward_model::Transport;

use super::{Findings, KINDS, What, decoded, is_named, kind_of};

fn read(path: &str, text: &str) -> Findings {
    kind_of(path, &|_| true).unwrap_or_else(|| panic!("{path} is not read")).read(path, text)
}

/// `PORT WHAT SERVICE LINE:COLUMN` of each fact.
fn said(path: &str, text: &str) -> Vec<String> {
    let found = read(path, text);
    assert!(found.flaws.is_empty(), "{:?}", found.flaws);
    let told = found.facts.iter().map(|fact| {
        let what = match &fact.what {
            What::Asked { host } => format!("asks{}", host.as_ref().map(|host| format!("@{host}")).unwrap_or_default()),
            What::Usual => "usual".to_owned(),
            What::Published { address, container } => {
                format!("publishes {}->{container}", address.as_deref().unwrap_or("*"))
            }
            What::Exposed => "exposes".to_owned(),
            What::Debugger { waits } => if *waits { "debugger" } else { "attaches" }.to_owned(),
            What::Dialled(_) => "dials".to_owned(),
            What::Origin(_) => "origin".to_owned(),
            What::Callback(_) => "callback".to_owned(),
            What::Forwarded => "forwards".to_owned(),
        };
        let udp = if fact.transport == Transport::Udp { "/udp" } else { "" };
        let variable = fact.variable.as_ref().map(|name| format!(" ${name}")).unwrap_or_default();
        format!("{}{udp} {what} {}{variable} {}:{}", fact.port, fact.service.as_deref().unwrap_or("-"), fact.line, fact.column)
    });
    told.collect()
}

#[test]
fn files_by_their_names() {
    for (path, name) in [
        ("package.json", Some("package")),
        ("a/b/package.json", Some("package")),
        ("docker-compose.override.yml", Some("compose")),
        ("compose.yaml", Some("compose")),
        (".env", Some("dotenv")),
        (".env.production.local", Some("dotenv")),
        (".vscode/launch.json", Some("launch")),
        ("launch.json", None),
        ("src/main/resources/application-dev.yml", Some("spring")),
        ("Properties/launchSettings.json", Some("dotnet")),
        ("shop/settings/base.py", Some("django")),
        ("vite.config.ts", Some("development")),
        ("api.Dockerfile", Some("dockerfile")),
        (".envrc", None),
        ("composer.json", Some("composer")),
        ("bin/rails", Some("rails")),
        ("web/src/main.rs", Some("rust")),
        ("my-package.json", None),
    ] {
        assert_eq!(kind_of(path, &|_| false).map(|kind| kind.name), name, "{path}");
    }
    assert!(kind_of("web/server.js", &|_| false).is_none());
    assert_eq!(kind_of("web/server.js", &|name| name == "package.json").unwrap().name, "program");
    assert!(is_named("a/.env.x", ".env.*") && !is_named(".env", ".env.*"));
}

#[test]
fn kinds_are_told_apart_and_have_words() {
    for (at, kind) in KINDS.iter().enumerate() {
        assert!(KINDS[..at].iter().all(|other| other.name != kind.name));
        assert!(!kind.patterns.is_empty() && kind.reads.ends_with('.') && !kind.title.ends_with('.'), "{}", kind.name);
    }
}

#[test]
fn scripts_of_a_package() {
    let text = "{\n  \"scripts\": {\n    \"dev\": \"next dev -p 3001\",\n    \"build\": \"next build\",\n    \"api\": \"node --inspect=9230 api.js --port 4000\"\n  }\n}\n";
    assert_eq!(said("web/package.json", text), ["3001 asks dev 3:22", "9230 debugger api 5:18", "4000 asks api 5:40"]);
    let starts = read("web/package.json", text).starts;
    let names: Vec<_> =
        starts.iter().map(|start| (start.name.as_str(), start.command.as_deref().unwrap(), start.folder.as_str())).collect();
    assert_eq!(names, [("dev", "npm run dev", "web"), ("api", "npm run api", "web")]);
    assert_eq!(
        read("package.json", "{\"packageManager\":\"pnpm@9\",\"scripts\":{\"dev\":\"x\"}}").starts[0].command.as_deref(),
        Some("pnpm run dev")
    );
}

#[test]
fn compose_in_all_its_ways_of_writing() {
    let text = r#"
x-db: &db
  image: postgres:16
  ports: ["5432:5432"]
services:
  db:
    <<: *db
  web:
    build: ./web
    depends_on: { db: { condition: service_healthy } }
    ports:
      - "3000:80"
      - 127.0.0.1:3001:81
      - "[::1]:3002:82/udp"
      - "${WEB_PORT:-3003}:83"
      - ${BARE}:84
      - "85"
      - 4000-4001:90-91
      - "::1:3004:86"
    expose: ["9100"]
    environment:
      PORT: 80
      DATABASE_URL: postgres://app@localhost/shop
      NAMES: db:5432
  long:
    profiles: [debug]
    ports:
      - target: 80
        published: "8080"
        host_ip: 127.0.0.1
        protocol: tcp
      - { target: 81 }
  more:
    extends: { service: long }
    ports: [ "9000:9000" ]
"#;
    assert_eq!(
        said("compose.yml", text),
        [
            "5432 publishes *->5432 db 4:12",
            "3000 publishes *->80 web 12:10",
            "3001 publishes 127.0.0.1->81 web 13:9",
            "3002/udp publishes ::1->82 web 14:10",
            "3003 publishes *->83 web 15:10",
            "84 exposes web 16:9",
            "85 exposes web 17:10",
            "4000 publishes *->90 web 18:9",
            "4001 publishes *->91 web 18:9",
            "3004 publishes ::1->86 web 19:10",
            "9100 exposes web 20:15",
            "80 exposes web 22:13",
            "5432 dials web $DATABASE_URL 23:21",
            "8080 publishes 127.0.0.1->80 long 29:21",
            "81 exposes long 32:9",
            "8080 publishes 127.0.0.1->80 more 29:21",
            "81 exposes more 32:9",
            "9000 publishes *->9000 more 35:15",
        ]
    );
    let starts = read("compose.yml", text).starts;
    let web = starts.iter().find(|start| start.name == "web").unwrap();
    assert_eq!((web.after.as_slice(), web.build.as_deref(), web.published.len()), (&["db".to_owned()][..], Some("web"), 7));
    assert_eq!(starts.iter().find(|start| start.name == "more").unwrap().profiles, ["debug"]);
}

#[test]
fn variables_of_env_files() {
    let text = "# PORT=1\nexport PORT=3000 # here\r\nWEB_PORT=\"3001\"\nDB_PORT=5433\nSUPPORT=4000\nTIMEOUT=3000\n\
        OAUTH_CALLBACK_URL=http://localhost:3002/cb\nCORS_ORIGINS=http://localhost:5173,http://127.0.0.1:5174\nAPI=https://api.example.com:8443\n\
        DATABASE_URL='postgres://ana:pw@localhost:5434/x'\n";
    assert_eq!(
        said(".env", text),
        [
            "3000 asks PORT 2:13",
            "3001 asks WEB_PORT 3:11",
            "5433 dials DB_PORT 4:9",
            "3002 callback OAUTH_CALLBACK_URL 7:20",
            "5173 origin CORS_ORIGINS 8:14",
            "5174 origin CORS_ORIGINS 8:36",
            "5434 dials DATABASE_URL 10:15",
        ]
    );
}

#[test]
fn an_editors_configurations() {
    let text = r#"{
  // comment
  "configurations": [
    { "name": "api", "type": "node", "request": "launch", "program": "${workspaceFolder}/api.js", "env": { "PORT": "4000" }, "port": 9229 },
    { "name": "attach", "type": "node", "request": "attach", "port": 9230, },
    { "name": "py", "type": "debugpy", "request": "launch", "module": "flask", "args": ["run", "-p", "5001"] },
    { "name": "web", "type": "chrome", "request": "launch", "url": "http://localhost:5173" },
  ],
  "compounds": [{ "name": "all", "configurations": ["api", "py"] }],
}"#;
    let found = said(".vscode/launch.json", text);
    assert_eq!(
        found,
        [
            "9229 debugger api 4:134",
            "4000 asks api 4:117",
            "9230 attaches attach 5:70",
            "5001 asks py 6:0",
            "5173 dials web 7:69"
        ]
    );
    let starts = read("app/.vscode/launch.json", text).starts;
    let lines: Vec<_> =
        starts.iter().map(|start| (start.command.as_deref().unwrap(), start.folder.as_str(), start.with.clone())).collect();
    assert_eq!(
        lines,
        [
            ("PORT=4000 node api.js", "app", vec!["py".to_owned()]),
            ("python3 -m flask run -p 5001", "app", vec!["api".to_owned()])
        ]
    );
    let tasks = "{\"tasks\":[{\"label\":\"web\",\"type\":\"shell\",\"command\":\"npx vite --port 4001\"},{\"label\":\"b\",\"command\":\"tsc\"}]}";
    assert_eq!(said(".vscode/tasks.json", tasks), ["4001 asks web 1:61"]);
    assert_eq!(read(".vscode/tasks.json", tasks).starts.len(), 1);
}

#[test]
fn configurations_of_development_servers() {
    let vite = "export default defineConfig({\n  build: { port: 1 },\n  server: {\n    host: '127.0.0.1', // port: 2\n    port: 4000,\n    hmr: { timeout: 3000 },\n    proxy: { '/api': 'http://localhost:8080' },\n  },\n  preview: { port: Number(process.env.PORT) || 4001 },\n})\n";
    assert_eq!(
        said("vite.config.ts", vite),
        ["4000 asks@127.0.0.1 server 5:11", "8080 dials proxy 7:23", "4001 asks preview $PORT 9:48"]
    );
    assert!(
        said("vite.config.js", "const port = 3000\nexport default { server: { port } }\n// server: { port: 1 }\n").is_empty()
    );
    let angular = "{\"projects\":{\"shop\":{\"architect\":{\"serve\":{\"options\":{\"port\":4201}}}}}}";
    assert_eq!(said("angular.json", angular), ["4201 asks shop 1:62"]);
}

#[test]
fn settings_of_frameworks() {
    let spring = "server:\n  port: ${PORT:8081}\nspring:\n  datasource:\n    url: jdbc:postgresql://localhost:5433/shop\n---\nserver.port: 8082\n";
    assert_eq!(
        said("application.yml", spring),
        ["8081 asks - $PORT 2:9", "5433 dials spring.datasource.url 5:15", "8082 asks - 7:14"]
    );
    assert_eq!(
        said("application.properties", "# x\nserver.port = 8083\nmanagement.server.port=8084\n"),
        ["8083 asks - 2:15", "8084 asks management 3:24"]
    );
    let dotnet = "{\"profiles\":{\"shop\":{\"commandName\":\"Project\",\"applicationUrl\":\"https://localhost:7001;http://localhost:5001\"}}}";
    assert_eq!(
        said("api/Properties/launchSettings.json", dotnet),
        ["7001 asks@localhost shop 1:64", "5001 asks@localhost shop 1:87"]
    );
    let starts = read("api/Properties/launchSettings.json", dotnet).starts;
    assert_eq!((starts[0].command.as_deref(), starts[0].folder.as_str()), (Some("dotnet run"), "api"));
    let django = "DATABASES = {\n    'default': {\n        'ENGINE': 'django.db.backends.postgresql',\n        'PORT': '5433',\n    }\n}\nCORS_ALLOWED_ORIGINS = [\n    'http://localhost:5173',\n]\nTIMEOUT = 3000\n";
    assert_eq!(said("shop/settings.py", django), ["5433 dials DATABASES 4:18", "5173 origin CORS_ALLOWED_ORIGINS 8:6"]);
}

#[test]
fn recipes_images_and_containers() {
    let makefile = "PORT ?= 8001\n.PHONY: dev\ndev: deps\n\t@python3 -m http.server $(PORT)\ntest:\n\tpytest\n";
    assert_eq!(said("Makefile", makefile), ["8001 asks dev 4:0"]);
    assert_eq!(read("Makefile", makefile).starts[0].command.as_deref(), Some("make dev"));
    let docker = "FROM node AS build\nEXPOSE 1\nFROM node\nENV PORT=3000\nEXPOSE $PORT 9100/udp\nCMD [\"node\", \"server.js\", \"--port\", \"3001\"]\n";
    assert_eq!(
        said("Dockerfile", docker),
        ["3000 asks ENV 4:5", "3000 exposes - 5:8", "9100/udp exposes - 5:14", "3001 asks CMD 6:0"]
    );
    let devcontainer = "{ // x\n  \"forwardPorts\": [3000, \"db:5432\"], \"portsAttributes\": {\"3000\": {\"label\": \"web\"}} }";
    assert_eq!(said(".devcontainer/devcontainer.json", devcontainer), ["3000 forwards web 2:20", "5432 forwards db 2:27"]);
    assert_eq!(said("Procfile", "web: PORT=3000 node a.js\n# x\nworker: node w.js\n"), ["3000 asks web 1:6"]);
    assert_eq!(read("Procfile", "web: a\nworker: b\n").starts.len(), 2);
}

#[test]
fn what_a_framework_starts() {
    assert_eq!(said("manage.py", "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'x')\n"), ["8000 usual web 2:1"]);
    assert!(said("manage.py", "print('another')\n").is_empty());
    assert_eq!(said("artisan", "#!/usr/bin/env php\n<?php\n"), ["8000 usual web 1:1"]);
    assert_eq!(
        said("build.gradle.kts", "plugins {\n  id(\"org.springframework.boot\") version \"3\"\n}\n"),
        ["8080 usual app 2:1"]
    );
    assert_eq!(said("pom.xml", "<a>\n <artifactId>spring-boot-maven-plugin</artifactId>\n"), ["8080 usual app 2:1"]);
}

#[test]
fn a_programs_own_text_where_it_says_listen() {
    for (line, expected) in [
        ("app.listen(3000)", "3000 asks - 1:12"),
        ("server.listen(3000, '127.0.0.1', () => {})", "3000 asks@127.0.0.1 - 1:15"),
        ("app.listen(process.env.PORT || 3001)", "3001 asks - $PORT 1:32"),
        ("const port = process.env.PORT ?? 3002;", "3002 asks - $PORT 1:34"),
        ("server.listen(process.env.PORT||3003)", "3003 asks - $PORT 1:33"),
        ("const port = parseInt(process.env.PORT, 10) || 3004", "3004 asks - $PORT 1:48"),
        ("const port = Number(process.env['PORT'])??'3005'", "3005 asks - $PORT 1:44"),
        ("port = os.getenv('PORT') or 3006", "3006 asks - $PORT 1:29"),
        ("port = int(os.getenv('PORT',5002))", "5002 asks - $PORT 1:29"),
        ("app.run(host='0.0.0.0', port=5000)", "5000 asks@0.0.0.0 - 1:30"),
        ("port = int(os.environ.get(\"PORT\", 5001))", "5001 asks - $PORT 1:35"),
        ("http.ListenAndServe(\":8080\", nil)", "8080 asks - 1:23"),
        ("HttpServer.create(new InetSocketAddress(8081), 0)", "8081 asks - 1:41"),
    ] {
        assert_eq!(said("server.js", line), [expected], "{line}");
    }
    for line in [
        "setTimeout(f, 3000)",
        "TRANSPORT || 3000",
        "f(process.env.PORT, 3000)",
        "process.env.PORT_OFFSET || 3000",
        "process.env.PORT || 30.5",
        "// app.listen(3000)",
        "app.listen(port)",
        "fetch('http://localhost:3000')",
        "port=3000",
        "listen(3.5)",
    ] {
        assert!(said("server.js", line).is_empty(), "{line}: {:?}", said("server.js", line));
    }
}

#[test]
fn what_is_broken_is_said_and_harms_nothing() {
    assert_eq!(read("package.json", "{\n \"scripts\": {").flaws[0].line, 2);
    assert_eq!(read("compose.yml", "services:\n  a: [\n").flaws.len(), 1);
    let noise = [
        "",
        "\0",
        "{",
        "[",
        "]]]]",
        "a: &a [*a]",
        "services: 1",
        "services:\n  web: 3\n",
        "services: {web: {ports: 3}}",
        "\u{feff}{}",
        "💥=3000\n💥: 💥",
        "FROM\nEXPOSE\n",
        "PORT=\nPORT",
        "x:\n\t",
        "${",
        "://:1",
        "http://[",
        "web: ${X:-",
        "{\"scripts\": []}",
        "- - - -",
        "\t$(A)\nA=$(A)$(A)\n\t$(A)",
    ];
    for kind in KINDS {
        for text in noise {
            let _ = kind.read("a/b", text);
            let _ = kind.read("", &text.repeat(40));
        }
    }
}

#[test]
fn a_file_of_ten_megabytes_is_read_or_refused() {
    let big = format!("{{\"scripts\":{{\"dev\":\"vite --port 4000\"}},\"x\":[{}0]}}", "{\"a\":[1,2,3]},".repeat(700_000));
    assert!(big.len() > 9_000_000);
    assert_eq!(said("package.json", &big), ["4000 asks dev 1:25"]);
}

#[test]
fn utf_16_is_read_as_what_it_says() {
    let wide: Vec<u8> = "\u{feff}PORT=3000\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(said(".env", &decoded(&wide).unwrap().0), ["3000 asks PORT 1:6"]);
}

#[test]
fn what_an_editor_names_from_the_workspace_is_named_from_where_the_program_works() {
    let text = r#"{"configurations": [
        {"name": "a", "type": "node", "request": "launch", "cwd": "${workspaceFolder}/web", "program": "${workspaceFolder}/web/src/x.js", "envFile": "${workspaceFolder}/.env"},
        {"name": "b", "type": "node", "request": "launch", "cwd": "${workspaceFolder}/web", "program": "${workspaceFolder}/tools/y.js"},
        {"name": "c", "type": "debugpy", "request": "launch", "cwd": "${workspaceFolder}/web", "program": "${workspaceFolder}/web/z.py"},
        {"name": "d", "type": "node", "request": "launch", "program": "${workspaceFolder}/web/x.js"}
    ]}"#;
    let starts = read(".vscode/launch.json", text).starts;
    let lines: Vec<(&str, &str)> =
        starts.iter().map(|start| (start.folder.as_str(), start.command.as_deref().unwrap())).collect();
    assert_eq!(
        lines,
        [
            ("web", "node --env-file=../.env src/x.js"),
            ("web", "node ../tools/y.js"),
            ("web", "python3 z.py"),
            ("", "node web/x.js")
        ]
    );
}
