//! `portward hook`: variables come and go with the folder, in real shells on a real terminal.

use std::path::Path;

use portward_testkit::{program, skip};
use serde_json::Value;

use crate::project::{FILE, Shop};

/// The person at the terminal: types each line when the one before it has been answered, and says all that was shown.
const TERMINAL: &str = include_str!("hook/terminal.py");

/// Says what a program that the shell starts has.
const DUMP: &str = "import json, os, sys\nnames = ['DATABASE_URL', 'API', 'PLAIN', 'PORTWARD_NAMES', 'PORTWARD_STAMP']\n\
                    open(sys.argv[1], 'a').write(json.dumps({n: os.environ.get(n) for n in names}) + '\\n')\n";

/// The shell on a terminal: what it had at each `DUMP`, and what was on the screen.
fn typed(shop: &Shop, shell: &[&str], lines: &[String]) -> (Vec<Value>, String) {
    let dump = shop.world.file("home/dump.py", DUMP);
    let out = shop.world.file("home/out", "");
    shop.world.give(&out);
    let dump = format!("/usr/bin/python3 {} {}", dump.display(), out.display());
    let lines: Vec<String> = lines.iter().map(|line| line.replace("DUMP", &dump)).collect();
    let words = [serde_json::to_string(shell).unwrap(), serde_json::to_string(&lines).unwrap()];
    let outcome = shop
        .enter()
        .directory(shop.world.path().join("home"))
        .env("TERM", "xterm")
        .run(&["python3", "-c", TERMINAL, &words[0], &words[1]])
        .expect(0);
    let told = std::fs::read_to_string(&out).unwrap();
    (told.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), outcome.stdout)
}

fn tour(shell: &[&str], load: &str, set: &str) {
    if program(shell[0].rsplit('/').next().unwrap()).is_none() && !Path::new(shell[0]).exists() {
        return;
    }
    if program("python3").is_none() {
        return skip("the program python3");
    }
    let Some(shop) = Shop::with(FILE) else { return };
    walk(&shop, shell, load, set);
}

fn walk(shop: &Shop, shell: &[&str], load: &str, set: &str) {
    std::fs::create_dir(shop.root.join("deep")).unwrap();
    let changed = shop.world.file("home/changed.toml", FILE.replace("/shop\"", "/other\""));
    let root = shop.root.display();
    let (db, web) = (shop.port("db"), shop.port("web"));
    let lines = [
        load.to_owned(),
        set.to_owned(),
        format!("cd {root}"),
        // It is not allowed yet, which is said once.
        "DUMP".to_owned(),
        "portward allow --yes".to_owned(),
        "DUMP".to_owned(),
        "cd deep".to_owned(),
        "DUMP".to_owned(),
        "cd /".to_owned(),
        "DUMP".to_owned(),
        format!("cd {root}"),
        "DUMP".to_owned(),
        format!("cp {} portward.toml", changed.display()),
        "DUMP".to_owned(),
        "portward allow --yes".to_owned(),
        "DUMP".to_owned(),
    ];
    let (had, shown) = typed(shop, shell, &lines);
    let [forbidden, first, deep, left, again, changed, last] = &had[..] else { panic!("{had:?}\n{shown}") };
    let url = |base: &str| format!("postgres://app@localhost:{db}/{base}");
    for loaded in [first, deep, again] {
        assert_eq!(loaded["DATABASE_URL"], url("shop"), "{shown}");
        assert_eq!(loaded["API"], format!("http://localhost:{web}/api"), "{shown}");
    }
    for left in [forbidden, left, changed] {
        assert_eq!((&left["DATABASE_URL"], &left["API"]), (&Value::Null, &"before it".into()), "{shown}");
    }
    assert!(left["PORTWARD_STAMP"].as_str().unwrap_or_default().is_empty(), "{left}");
    assert_eq!(last["DATABASE_URL"], url("other"));
    let flat: String = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(flat.matches("is not allowed as it is now").count(), 2, "once for each text: {shown}");
}

#[test]
fn bash_loads_and_unloads() {
    tour(&["bash", "--norc", "--noprofile", "-i"], "eval \"$(portward hook bash)\"", "export API='before it'");
}

#[test]
fn zsh_loads_and_unloads() {
    tour(&["zsh", "-f", "-i"], "eval \"$(portward hook zsh)\"", "export API='before it'");
}

#[test]
fn fish_loads_and_unloads() {
    tour(&["fish", "--no-config", "-i"], "portward hook fish | source", "set -gx API 'before it'");
}

#[test]
fn nushell_loads_and_unloads() {
    let Some(shop) = Shop::with(FILE) else { return };
    let Some(nu) = shop.world.npm_package("@nushell/linux-x64") else { return };
    let script = shop.portward(&["hook", "nu"]).expect(0).stdout;
    let script = shop.world.file("home/hook.nu", script);
    let nu = nu.join("bin/nu");
    let shell = [nu.to_str().unwrap(), "--config", script.to_str().unwrap(), "-i"];
    walk(&shop, &shell, "print ready", "$env.API = 'before it'");
}

#[test]
fn powershell_loads_and_unloads() {
    let load = "portward hook powershell | Out-String | Invoke-Expression";
    tour(&["pwsh", "-NoProfile", "-Interactive"], load, "$env:API = 'before it'");
}

#[test]
fn a_shell_that_an_enlightened_shell_starts_goes_on() {
    if program("bash").is_none() {
        return;
    }
    let Some(shop) = Shop::with(FILE) else { return };
    let _ = shop.portward(&["allow"]).expect(0);
    let load = "eval \"$(portward hook bash)\"".to_owned();
    let lines = [
        load.clone(),
        "export API='before it'; PLAIN=kept".to_owned(),
        format!("cd {}", shop.root.display()),
        "bash --norc --noprofile -i".to_owned(),
        load,
        "DUMP".to_owned(),
        "cd /".to_owned(),
        "DUMP".to_owned(),
        "exit".to_owned(),
        "DUMP".to_owned(),
    ];
    let (had, shown) = typed(&shop, &["bash", "--norc", "--noprofile", "-i"], &lines);
    let [inner, left, outer] = &had[..] else { panic!("{had:?}\n{shown}") };
    assert!(inner["DATABASE_URL"].is_string() && outer["DATABASE_URL"].is_string(), "{shown}");
    assert_eq!((&left["DATABASE_URL"], &left["API"]), (&Value::Null, &"before it".into()), "{shown}");
}

#[test]
fn a_port_that_was_leased_anew_is_a_new_stamp() {
    let Some(shop) = Shop::with(FILE) else { return };
    let _ = shop.portward(&["allow"]).expect(0);
    let now = |stamp: &str| shop.portward(&["hook", "bash", "--now", stamp, "--json"]).expect(0).json();
    let first = now("");
    let stamp = |told: &Value| {
        let text = told["text"].as_str().unwrap();
        text.lines().last().unwrap().trim_start_matches("__portward_stamp '").trim_end_matches('\'').to_owned()
    };
    assert_eq!(now(&stamp(&first))["state"], "unchanged");
    let db = shop.port("db");
    let _ = shop.portward(&["lease", "release", "5432"]).expect(0);
    let _held = shop.world.actor(&["listen", &format!("tcp/0.0.0.0:{db}")]);
    let again = now(&stamp(&first));
    assert_eq!(again["state"], "loaded");
    assert!(!again["text"].as_str().unwrap().contains(&db), "{again}");
    // A shell without a hook, as an editor's, is told of by the doctor.
    let notes = |stamp: &str| {
        let examined = shop.enter().env("PORTWARD_STAMP", stamp).portward(&["doctor", "4999"]).expect(1);
        examined.stdout + &examined.stderr
    };
    let flat = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat(notes(&stamp(&first))).contains("This shell has other variables than"), "{}", notes(&stamp(&first)));
    assert!(!flat(notes(&stamp(&again))).contains("This shell has other variables than"), "{}", notes(&stamp(&again)));
}

#[test]
fn a_faulty_file_is_said_and_sets_nothing() {
    let Some(shop) = Shop::with("[env]\nA = '{nobody}'\n") else { return };
    let _ = shop.portward(&["allow"]).expect(2);
    let forbidden = shop.portward(&["hook", "zsh", "--now", ""]).expect(0);
    assert!(forbidden.stderr.contains("is not allowed as it is now"), "{forbidden}");
    assert!(!forbidden.stdout.contains("__portward_set"), "{forbidden}");
    for shell in ["bash", "zsh", "fish", "nu", "powershell"] {
        assert!(shop.portward(&["hook", shell]).expect(0).stdout.contains("PORTWARD_STAMP"));
    }
    let _ = shop.portward(&["hook"]).expect(2);
    let _ = shop.portward(&["hook", "tcsh"]).expect(2);
}
