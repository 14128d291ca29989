//! `portward ports`, and `port` and `url` of what a project declares.

use portward_testkit::until;

use crate::project::{FILE, Shop};

#[test]
fn every_answer_names_the_same_port() {
    let Some(shop) = Shop::with(FILE) else { return };
    let before = shop.portward(&["ports"]).expect(0);
    assert!(before.stdout.contains("not leased yet"), "{before}");
    let url = |name: &str| shop.portward(&["url", name]).expect(0).stdout.trim_end().to_owned();
    let (web, debug, db) = (url("web"), url("web.debug"), url("db"));
    assert_eq!(web, format!("http://localhost:{}", shop.port("web")));
    assert_eq!(shop.port("3000"), shop.port("web"), "a declared service is what it asks for");
    assert_eq!(db, format!("postgresql://localhost:{}", shop.port("5432")));
    assert!(debug.ends_with(&shop.port("web.debug")), "{debug}");
    let document = shop.portward(&["ports", "--json"]).expect(0).json();
    let rows = document["ports"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["service"].as_str().unwrap()).collect();
    assert_eq!(names, ["web", "web.debug", "web.metrics", "db"]);
    assert_eq!(rows[0]["serves"], format!("localhost:{}", shop.port("web")));
    assert_eq!((&rows[0]["file"], &rows[0]["line"]), (&"portward.toml".into(), &7.into()));
    assert_eq!((&rows[3]["protocol"], &rows[2]["transport"]), (&"postgres".into(), &"udp".into()));
}

#[test]
fn the_table_for_the_readme_is_the_same_on_every_machine() {
    let Some(shop) = Shop::with(&FILE.replace("the shop's front", "front | shop")) else { return };
    let before = shop.portward(&["ports", "--markdown"]).expect(0).stdout;
    let _ = shop.portward(&["url", "web"]).expect(0);
    assert_eq!(shop.portward(&["ports", "--markdown"]).expect(0).stdout, before);
    assert_eq!(
        before,
        "| service | port | protocol | purpose | public name |\n|---|---|---|---|---|\n\
         | web | 3000 |  | front \\| shop | web |\n| web.debug | 9229 | inspector |  |  |\n\
         | web.metrics | udp/8125 |  |  |  |\n| db | 5432 | postgres |  |  |\n"
    );
}

#[test]
fn what_runs_is_in_the_table_with_who_may_reach_it() {
    let Some(shop) = Shop::with(FILE) else { return };
    shop.world.add_lan("eth0", "192.168.77.1/24");
    let cast = shop.world.portward_path().display().to_string();
    let code = "import socket,time\nfor p in (3000, 4321):\n s=socket.socket(); s.bind(('0.0.0.0', p)); s.listen(); globals()[p]=s\nprint('up', flush=True)\ntime.sleep(600)";
    let server = shop.enter().start(&[&cast, "run", "python3", "-c", code]);
    let _ = server.line_where(|line| line == "up");
    // A session writes down what it serves a moment after it does.
    let document = until("the session tells what it serves", || {
        let document = shop.portward(&["ports", "--json"]).expect(0).json();
        let told = document["ports"].as_array()?.iter().any(|row| row["asked"] == 4321 && row["running"] == true);
        told.then_some(document)
    });
    let rows = document["ports"].as_array().unwrap();
    let web = &rows[0];
    assert_eq!((&web["running"], &web["serves"]), (&true.into(), &format!("localhost:{}", shop.port("web")).into()));
    assert!(web["reach"].as_array().unwrap().iter().all(|reach| reach["who"] != "lan"), "{web}");
    let undeclared = rows.iter().find(|row| row["asked"] == 4321).expect("what only runs is told");
    assert!(undeclared["file"].is_null(), "{undeclared}");
    let table = shop.portward(&["ports"]).expect(0);
    assert!(table.stdout.contains("this host") && table.stdout.contains("runs, and is not declared"), "{table}");
}

#[test]
fn without_a_file_nothing_is_declared() {
    let Some(shop) = Shop::with("") else { return };
    let empty = shop.portward(&["ports"]).expect(1);
    assert!(empty.stderr.contains("declares no ports"), "{empty}");
    std::fs::remove_file(shop.root.join("portward.toml")).unwrap();
    let none = shop.portward(&["ports"]).expect(1);
    assert!(none.stderr.contains("has no portward.toml"), "{none}");
}

#[test]
fn portwards_own_repository_declares_what_it_runs() {
    let own = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../portward.toml"));
    let Some(shop) = Shop::with(own) else { return };
    let _ = shop.portward(&["allow"]).expect(0);
    let url = shop.portward(&["url", "book"]).expect(0).stdout;
    let env = shop.portward(&["env"]).expect(0).stdout;
    assert_eq!(env, format!("export BOOK_URL='{}'\n", url.trim_end()));
    let table = shop.portward(&["ports", "--markdown"]).expect(0).stdout;
    assert!(table.contains("| book | 8000 | http | the book, as plain files | book |"), "{table}");
    let schema: serde_json::Value = serde_json::from_str(&shop.portward(&["schema", "portward.toml"]).expect(0).stdout).unwrap();
    assert_eq!(schema["properties"]["services"]["type"], "object");
}
