//! What is started by a language's own tool, and what is none of a project's own ports.

use super::{read, said};

#[test]
fn variables_of_clients_and_of_other_machines_are_no_ports_of_ones_own() {
    let text = "PUSHER_PORT=443\nVITE_PUSHER_PORT=443\nLDAP_PORT=389\nREDIS_HOST=cache\nREDIS_PORT=6379\nORDERS_HOST=orders.example.com\nORDERS_PORT=443\n\
        DB_HOST=127.0.0.1\nDB_PORT=3306\nHOST=0.0.0.0\nPORT=3000\nAPI_HOST=localhost\nAPI_PORT=4000\n";
    assert_eq!(
        said(".env", text),
        [
            "443 dials PUSHER_PORT 1:13",
            "443 dials VITE_PUSHER_PORT 2:18",
            "389 dials LDAP_PORT 3:11",
            "3306 dials DB_PORT 9:9",
            "3000 asks PORT 11:6",
            "4000 asks API_PORT 13:10"
        ]
    );
}

#[test]
fn a_document_of_a_profile_says_nothing_of_where_an_application_listens_without_it() {
    let yaml = "server:\n  port: 8081\n---\nspring:\n  config:\n    activate:\n      on-profile: docker\nserver:\n  port: 80\n---\nspring:\n  profiles: x\nserver:\n  port: 81\n";
    assert_eq!(said("application.yml", yaml), ["8081 asks - 2:9"]);
    assert_eq!(said("application.yml", "spring:\n  profiles:\n    active: dev\nserver:\n  port: 8082\n"), ["8082 asks - 5:9"]);
    let properties =
        "server.port=8083\n#---\nspring.config.activate.on-profile=docker\nserver.port=80\n#---\nmanagement.server.port=9000\n";
    assert_eq!(said("application.properties", properties), ["8083 asks - 1:13", "9000 asks management 6:24"]);
}

#[test]
fn programs_that_are_told_their_port_by_name() {
    for (text, expected) in [
        ("fastify.listen({ port: 3000 }, (err) => {})", "3000 asks - 1:24"),
        ("await app.listen({ host: '0.0.0.0', port: 3001 })", "3001 asks@0.0.0.0 - 1:43"),
        ("Deno.serve({ port: 8000 }, f)", "8000 asks - 1:20"),
        ("app.listen({ port: Number(process.env.X) })", ""),
        ("server.listen({ path: '/tmp/x' })", ""),
    ] {
        assert_eq!(said("server.js", text).join(" "), expected, "{text}");
    }
}

#[test]
fn what_is_started_by_its_own_language() {
    let starts = |path: &str, text: &str| {
        let found = read(path, text);
        let start = found
            .starts
            .first()
            .map(|start| format!("{}: {} in {}", start.name, start.command.as_deref().unwrap(), start.folder));
        (start.unwrap_or_default(), said(path, text).join(", "))
    };
    for (path, text, start, facts) in [
        (
            "main.go",
            "package main\nfunc main() {\n\thttp.ListenAndServe(\":8080\", nil)\n}\n",
            "web: go run . in ",
            "8080 asks web 3:24",
        ),
        ("api/main.go", "package main\n\tr.Run(\":8081\")\n", "api: go run . in api", "8081 asks api 2:10"),
        (
            "main.go",
            "package main\n\tport := os.Getenv(\"PORT\")\n\tif port == \"\" {\n\t\tport = \"8082\"\n\t}\n\thttp.ListenAndServe(\":\"+port, nil)\n",
            "web: go run . in ",
            "8082 asks web $PORT 4:11",
        ),
        ("main.go", "package main\nfunc main() { fmt.Println(8080) }\n", "", ""),
        (
            "build.gradle",
            "plugins { id 'org.springframework.boot' version '3.2.0' }\n",
            "app: gradle bootRun in ",
            "8080 usual app 1:1",
        ),
        (
            "api/build.gradle.kts",
            "plugins {\n    alias(libs.plugins.spring.boot)\n}\n",
            "app: gradle bootRun in api",
            "8080 usual app 2:1",
        ),
        ("build.gradle", "plugins { id 'org.springframework.boot' version '3.2.0' apply false }\n", "", ""),
        ("app.py", "import streamlit as st\nst.title('x')\n", "web: streamlit run app.py in ", "8501 usual web 1:1"),
        ("app.py", "# import streamlit\nprint(1)\n", "", ""),
        ("main.go", "package lib\nhttp.ListenAndServe(\":8080\", nil)\n", "", ""),
        (
            "src/main.rs",
            "let l = TcpListener::bind(\"0.0.0.0:3000\").await?;\n",
            "web: cargo run in ",
            "3000 asks@0.0.0.0 web 1:36",
        ),
        ("api/src/main.rs", "    .bind((\"127.0.0.1\", 8080))?\n", "api: cargo run in api", "8080 asks@127.0.0.1 api 1:25"),
        (
            "src/main.rs",
            "let a = SocketAddr::from(([127, 0, 0, 1], 3001));\n",
            "web: cargo run in ",
            "3001 asks@127.0.0.1 web 1:43",
        ),
        ("src/main.rs", "let s = UdpSocket::bind(\"0.0.0.0:0\")?; let n = 3000;\n", "", ""),
        (
            "bin/rails",
            "#!/usr/bin/env ruby\nrequire_relative \"../config/boot\"\n",
            "web: bin/rails server in ",
            "3000 usual web 2:1",
        ),
        ("shop/bin/rails", "require_relative '../config/boot'\n", "web: bin/rails server in shop", "3000 usual web 1:1"),
        ("bin/rails", "require \"rails/engine/commands\"\n", "", ""),
        ("config/puma.rb", "workers 2\nport ENV.fetch(\"PORT\") { 3010 }\n", "", "3010 asks - $PORT 2:26"),
        ("config/puma.rb", "port ENV.fetch(\"PORT\", 3011)\nportable 8080\n", "", "3011 asks - $PORT 1:24"),
        (
            "composer.json",
            "{\"scripts\":{\"test\":\"phpunit\",\"serve\":[\"php -S localhost:8000 -t public\"]}}",
            "serve: composer run-script --timeout=0 serve in ",
            "8000 asks@localhost serve 1:47",
        ),
        ("deno.json", "{\"tasks\":{\"dev\":\"deno run -A main.ts\",\"fmt\":\"deno fmt\"}}", "dev: deno task dev in ", ""),
        (
            "pom.xml",
            "<plugins><plugin><artifactId>spring-boot-maven-plugin</artifactId></plugin></plugins>\n",
            "app: mvn spring-boot:run in ",
            "8080 usual app 1:1",
        ),
    ] {
        assert_eq!(starts(path, text), (start.to_owned(), facts.to_owned()), "{path}: {text}");
    }
}
