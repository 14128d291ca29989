use portward_model::plan::{Ready, Restart, ServiceCommand};

use super::{Fix, decoded, keys, protocol_of, read, schema, scheme_of};

/// What is wrong with a text: each with its place, and what to write.
fn faults(text: &str) -> Vec<String> {
    let told = |fault: super::Fault| {
        let fix = fault.fix.map(|fix| match fix {
            Fix::Word(word) => format!(" ({word}?)"),
            Fix::Example(example) => format!(" [{example}]"),
        });
        format!("{}:{} {}{}", fault.line, fault.column, fault.problem, fix.unwrap_or_default())
    };
    read(text.as_bytes()).map_or_else(|faults| faults.into_iter().map(told).collect(), |_| Vec::new())
}

const SHOP: &str = r#"
name = "shop"
[env]
DATABASE_URL = "postgres://app@{db}/shop"
WORKERS = 4
[services.web]
ports = { debug = 9229, metrics = "udp/8125" }
command = "npm run dev"
port = 3000
folder = "web"
protocol = "http"
ready = "/healthz"
patience = "60s"
after = ["db"]
restart = "always"
env = { NODE_ENV = "development", API = "{web.debug.url}" }
description = "the shop's front"
public = "web"
[services.db]
use = "postgres"
port = 5432
[services.cache]
command = "redis-server --port 7000"
port = 7000
protocol = "redis"
[services.secure]
command = "x"
port = 7001
protocol = "https"
[services.migrate]
command = ["bin/migrate", "--all"]
ready = { done = true }
"#;

#[test]
fn a_whole_file_is_read() {
    let plan = read(SHOP.as_bytes()).unwrap();
    assert_eq!((plan.name.as_deref(), plan.values.len(), plan.services.len()), (Some("shop"), 2, 5));
    let [web, db, cache, secure, migrate] = &plan.services[..] else { panic!() };
    let ports: Vec<_> = web.ports.iter().map(|port| (port.name.as_deref(), port.asked, port.origin.line)).collect();
    assert_eq!(ports, [(None, 3000, 9), (Some("debug"), 9229, 7), (Some("metrics"), 8125, 7)]);
    assert_eq!((web.ready.clone(), web.restart), (Ready::Path("/healthz".to_owned()), Restart::Always));
    assert_eq!((web.origin.line, web.values[1].origin.line, plan.values[0].origin.line), (6, 16, 4));
    assert_eq!(plan.values[1].template.to_string(), "4");
    assert_eq!(migrate.command, Some(ServiceCommand::Words(vec!["bin/migrate".to_owned(), "--all".to_owned()])));
    assert_eq!(migrate.ready, Ready::Done);
    let spoken = |service, port| protocol_of(service, port).map(|(known, _)| known.name);
    assert_eq!(spoken(db, &db.ports[0]), Some("postgres"));
    assert_eq!(spoken(web, &web.ports[0]), Some("http"));
    assert_eq!(spoken(web, &web.ports[1]), Some("inspector"));
    let scheme = |service| scheme_of(service, &service.ports[0]);
    assert_eq!([web, db, cache, secure].map(scheme), ["http", "postgresql", "redis", "https"]);
}

#[test]
fn what_is_no_key_is_named_with_the_nearest() {
    for (text, said) in [
        ("nmae = 'x'", "1:1 `nmae` is no key of the project (name?)"),
        ("[services.web]\ncomand = 'x'\ncommand = 'x'", "2:1 `comand` is no key of a service (command?)"),
        ("[services.web]\ncommand = 'x'\nready = { logs = 'x' }", "3:11 `logs` is no key of `ready` (log?)"),
        ("[service.web]\ncommand = 'x'", "1:2 `service` is no key of the project (services?)"),
        ("# ä\n[services.web]\ncommand = 'x'\n  \"ünknown\" = 1", "4:3 `ünknown` is no key of a service"),
    ] {
        assert!(faults(text).contains(&said.to_owned()), "{text}: {:?}", faults(text));
    }
}

#[test]
fn what_cannot_be_is_told_with_its_place() {
    for (text, said) in [
        ("x = ", "1:5 this is no TOML: string values must be quoted, expected literal string"),
        ("[services.web", "1:14 this is no TOML: unclosed table, expected `]`"),
        ("name = 'a'\nname = 'b'", "2:1 this is no TOML: duplicate key"),
        ("[services.web]\ncommand = 'x'\nports = { a = 1, a = 2 }", "3:18 this is no TOML: duplicate key"),
        ("name = 3", "1:8 `name` is a name, and not a number [name = \"shop\"]"),
        (
            "services = []",
            "1:12 `services` is a table of services, and not such a list [services = { web = { command = \"npm run dev\", port = 3000 } }]",
        ),
        (
            "[[services]]\nname = 'web'",
            "1:1 `services` is a table of services, and not such a list [services = { web = { command = \"npm run dev\", port = 3000 } }]",
        ),
        ("[services.web]\ncommand = 'x'\nport = '3000'", "3:8 `port` is a port from 1 to 65535, such as 3000 or \"udp/8125\""),
        ("[services.web]\ncommand = 'x'\nport = 0", "3:8 `port` is a port from 1 to 65535, such as 3000 or \"udp/8125\""),
        ("[services.web]\ncommand = 'x'\nport = 70000", "3:8 `port` is a port from 1 to 65535, such as 3000 or \"udp/8125\""),
        (
            "[services.web]\ncommand = 'x'\nport = true",
            "3:8 `port` is a port from 1 to 65535, and not a truth value [port = 3000]",
        ),
        ("[services.web]\ncommand = []", "2:11 `command` names no program [command = [\"npm\", \"run\", \"dev\"]]"),
        ("[services.web]\ncommand = ''", "2:11 `command` is empty"),
        ("[services.web]\ncommand = 'x'\nfolder = '../x'", "3:10 `folder` is a path below the project's root, without `..`"),
        (
            "[services.web]\ncommand = 'x'\nprotocol = 'posgres'",
            "3:12 `protocol` names no protocol that Portward knows: posgres (postgres?)",
        ),
        (
            "[services.web]\ncommand = 'x'\nrestart = 'on-failur'",
            "3:11 `restart` is one of on-failure, always, never (on-failure?)",
        ),
        (
            "[services.web]\ncommand = 'x'\npatience = 'soon'",
            "3:12 `patience` is a time: a number with ms, s, m or h [patience = \"60s\"]",
        ),
        ("[services.web]\ncommand = 'x'\nready = { done = false }", "3:18 `done` is `true`, and not a truth value [done = true]"),
        (
            "[services.web]\ncommand = 'x'\nready = { log = 'a', done = true }",
            "3:9 `ready` says one of `log`, `command` and `done`",
        ),
        ("[services.web]\ncommand = 'x'\nready = 'up'", "3:9 `ready` is a path, and begins with a slash [ready = \"/healthz\"]"),
        (
            "[services.web]\ncommand = 'x'\npublic = 'Web_1'",
            "3:10 `public` is part of a host name: small letters, digits and `-` in between, up to 63 of them",
        ),
        (
            "[env]\nA-B = 'x'",
            "2:1 `A-B` is no name of a variable: those are letters, digits and underscores, and begin with no digit",
        ),
        ("[env]\nA = 1.5", "2:5 `A` is a text, and not a number [A = \"text with {db}\"]"),
        ("[env]\nA = '{'", "2:5 `A` cannot be read: a `{` is not closed; `{{` is a brace itself"),
        ("[env]\nA = \"a\\u0000b\"", "2:5 `A` holds a zero byte, which no variable can"),
        (
            "[services.\"a b\"]\ncommand = 'x'",
            "1:11 `a b` is no name: those are up to 63 letters, digits, `-` and `_`, begin with a letter or digit, and are no number",
        ),
        ("[services.root]\ncommand = 'x'", "1:11 `root` is what {root} means in every project, and no name of a service"),
        (
            "[services.web]\ncommand = 'x'\nports = { url = 1 }",
            "3:11 `url` is what {web.url} means of every service, and no name of a port",
        ),
        (
            "[services.web]\nport = 1",
            "1:11 nothing says how web is started: it has none of `command`, `use` and `compose` [command = \"npm run dev\"]",
        ),
        (
            "[services.web]\ncommand = 'x'\nuse = 'redis'",
            "1:11 web has two of `command`, `use` and `compose`, and is started by one of them",
        ),
        ("[services.web]\ncommand = 'x'\nport = 1\nports = { a = 1 }", "4:15 web asks for port 1 twice"),
    ] {
        assert_eq!(faults(text), [said], "{text}");
    }
}

#[test]
fn what_refers_to_something_refers_to_what_is_there() {
    let services = "[services.web]\ncommand = 'x'\nport = 3000\nports = { debug = 9229 }\n[services.worker]\ncommand = 'x'\n";
    let with = |env: &str| faults(&format!("[env]\n{env}\n{services}"));
    for fine in ["A = '{web}'", "A = '{web.debug}{web.debug.url}{web.port}'", "A = '{B}'\nB = '{project}{root}'", "A = '{{x}}'"] {
        assert_eq!(with(fine), [""; 0], "{fine}");
    }
    for (env, said) in [
        ("A = '{wep}'", "2:5 A refers to {wep}, and there is no service and no value wep ({web}?)"),
        ("A = '{wep.port}'", "2:5 A refers to {wep.port}, and there is no service and no value wep ({web.port}?)"),
        ("A = '{web.debgu}'", "2:5 A refers to {web.debgu}, and web has no port debgu ({web.debug}?)"),
        (
            "A = '{web.debug.prt}'",
            "2:5 A refers to {web.debug.prt}, and of a port there is `host`, `port` and `url` ({web.debug.url}?)",
        ),
        ("A = '{worker}'", "2:5 A refers to {worker}, and worker has no port [port = 3000]"),
        ("ABC = 'x'\nB = '{ABD}'", "3:5 B refers to {ABD}, and there is no service and no value ABD ({ABC}?)"),
        ("ABC = 'x'\nB = '{ABC.port}'", "3:5 B refers to {ABC.port}, and ABC is a value, which has no port ({ABC}?)"),
        ("A = '{A}'", "2:5 these values refer to each other in a circle: A -> A"),
        ("A = '{B}'\nB = '{C}'\nC = '{A}'", "4:5 these values refer to each other in a circle: A -> B -> C -> A"),
        ("web = '1'", "2:7 `web` is a value and a service, and {web} could mean either"),
    ] {
        assert_eq!(with(env), [said], "{env}");
    }
    let waits = "[services.a]\ncommand = 'x'\nafter = ['b']\n[services.b]\ncommand = 'x'\nafter = ['a']";
    assert_eq!(faults(waits), ["3:10 these services wait for each other in a circle: a -> b -> a"]);
    let unknown = "[services.web]\ncommand = 'x'\nafter = ['wbe', \"web\"]";
    assert_eq!(faults(unknown), ["3:10 web waits for wbe, and there is no such service (web?)"]);
    let own = "[services.web]\ncommand = 'x'\nenv = { A = '{B}', B = '{A}' }";
    assert_eq!(faults(own), ["3:24 these values refer to each other in a circle: A -> B -> A"]);
}

#[test]
fn two_public_services_share_neither_port_nor_name() {
    let two = |one: &str, other: &str| {
        faults(&format!("[services.a]\ncommand = 'x'\nport = 3000\n{one}\n[services.b]\ncommand = 'x'\nport = 3000\n{other}"))
    };
    assert_eq!(two("", ""), [""; 0], "which of the two runs is up to who starts them");
    assert_eq!(two("public = 'a'", ""), [""; 0]);
    let said = "8:10 a and b are both public and both ask for port 3000, which only one of them can have";
    assert_eq!(two("public = 'a'", "public = 'b'"), [said]);
    assert_eq!(two("public = 'a'", "public = 'a'")[0], "8:10 a and b have the same public name a");
}

#[test]
fn a_file_is_the_same_in_every_encoding() {
    let plan = read(SHOP.as_bytes()).unwrap();
    let marked: Vec<u8> = [b"\xEF\xBB\xBF", SHOP.as_bytes()].concat();
    let small: Vec<u8> = SHOP.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let great: Vec<u8> = SHOP.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let crlf = SHOP.replace('\n', "\r\n").into_bytes();
    for bytes in [marked, [&b"\xFF\xFE"[..], &small].concat(), [&b"\xFE\xFF"[..], &great].concat(), small.clone(), crlf] {
        assert_eq!(read(&bytes).unwrap(), plan);
    }
    let place = |bytes: &[u8]| decoded(bytes).map_err(|fault| (fault.line, fault.column));
    assert_eq!(place(b"a = 1\nb = '\xFF'"), Err((2, 6)));
    assert_eq!(place(b"\xFF\xFEa"), Err((1, 1)));
}

#[test]
fn what_is_large_is_refused_and_takes_no_time_worth_speaking_of() {
    let written = |numbers: std::ops::Range<i32>, line: &dyn Fn(i32) -> String| numbers.map(line).collect::<Vec<_>>().concat();
    let many = written(0..400, &|n| format!("[services.s{n}]\ncommand = 'x'\n"));
    assert_eq!(faults(&many), ["1:2 the project has more than 300 services"]);
    let values = written(0..400, &|n| format!("V{n} = '{{V{}}}'\n", n + 1));
    assert!(faults(&format!("[env]\n{values}"))[0].ends_with("`env` has more than 300 values"));
    let doubled = written(1..99, &|n| format!("V{n} = '{{V{0}}}{{V{0}}}'\n", n - 1));
    assert_eq!(faults(&format!("[env]\nV0 = '0123456789'\n{doubled}")), ["15:7 `V13` becomes longer than a variable can be"]);
    let deep = format!("x = {}", "[".repeat(200_000));
    assert!(faults(&deep)[0].contains("this is no TOML"), "{:?}", faults(&deep));
    let wrong = written(0..50_000, &|n| format!("k{n} = 1\n"));
    assert_eq!(faults(&wrong).len(), 20);
    let long = format!("{} = 1", "k".repeat(500_000));
    assert!(faults(&long)[0].len() < 200);
}

#[test]
fn every_key_of_the_schema_is_read_and_no_other() {
    let schema = schema();
    let service = &schema["properties"]["services"]["additionalProperties"];
    let ready = service["properties"]["ready"]["anyOf"].as_array().unwrap().iter().find_map(|one| one.get("properties"));
    let told = keys::told();
    let of = |table: &str| &told.iter().find(|(name, _)| *name == table).unwrap().1;
    let names = |value: &serde_json::Value| {
        let mut names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    let plain = "[services.db]\ncommand = 'x'\nport = 1\n";
    for (table, schema) in
        [("", &schema["properties"]), ("services.NAME", &service["properties"]), ("services.NAME.ready", ready.unwrap())]
    {
        let mut own: Vec<String> = of(table).iter().map(|key| key.name.to_owned()).collect();
        own.sort();
        assert_eq!(names(schema), own);
        for key in of(table) {
            assert!(
                !schema[key.name]["description"].as_str().unwrap().is_empty()
                    && schema[key.name]["examples"][0] != serde_json::Value::Null,
                "{}",
                key.name
            );
            let line = format!("{} = {}\n", key.name, key.example);
            // Each example changes what is read.
            let (without, with) = match table {
                "" if key.name == "services" => (String::new(), line),
                "" => (plain.to_owned(), format!("{line}{plain}")),
                "services.NAME" => {
                    let start = if matches!(key.name, "command" | "use" | "compose") { "" } else { "command = 'y'\n" };
                    (format!("{plain}[services.web]\ncommand = 'z'\n"), format!("{plain}[services.web]\n{start}{line}"))
                }
                _ => (plain.to_owned(), format!("{plain}ready = {{ {} }}", line.trim())),
            };
            let (without, with) = (
                read(without.as_bytes()).unwrap(),
                read(with.as_bytes()).map_err(|faults| format!("{with}\n{faults:?}")).unwrap(),
            );
            assert_ne!(without, with, "{}", key.name);
        }
    }
}
