//! `portward env`: what a shell or a file is given is what stands in portward.toml, byte for byte.

use portward_testkit::{program, skip};
use serde_json::Value;

use crate::project::{FILE, Shop};

#[test]
fn values_derive_from_where_things_are_served() {
    let Some(shop) = Shop::with(FILE) else { return };
    let _ = shop.portward(&["allow"]).expect(0);
    let (db, web) = (shop.port("db"), shop.port("web"));
    let env = shop.portward(&["env"]).expect(0).stdout;
    let declared = format!("export DATABASE_URL='postgres://app@localhost:{db}/shop'\nexport API='http://localhost:{web}/api'\n");
    assert!(env.starts_with(&declared), "{env}");
    // What the database's engine tells comes behind it.
    assert!(env.contains(&format!("export PGPORT='{db}'\n")) && env.contains("export PGPASSWORD='"), "{env}");
    let own: Value = serde_json::from_str(&shop.portward(&["env", "web", "--format", "json"]).expect(0).stdout).unwrap();
    assert_eq!(own["PUBLIC"], format!("http://localhost:{web}/api/v1"));
    assert_eq!((&own["NODE_ENV"], &own["PORT"]), (&"development".into(), &"3000".into()));
    let unset = shop.portward(&["env", "--unset"]).expect(0).stdout;
    assert!(unset.starts_with("unset DATABASE_URL\nunset API\n") && unset.contains("unset PGPASSWORD\n"), "{unset}");
    let unknown = shop.portward(&["env", "wbe"]).expect(2);
    assert!(unknown.stderr.contains("no service wbe") && unknown.stderr.contains("one of web"), "{unknown}");
    // Another checkout has other ports, and the same file.
    let worktree = shop.world.git_worktree("shop", "fix-42", "fix/42");
    std::fs::write(worktree.join("portward.toml"), FILE).unwrap();
    let other = shop.enter().directory(&worktree).portward(&["env"]).expect(0).stdout;
    assert!(!other.contains(&db) && !other.contains(&web), "{other}");
}

/// What people put into variables.
const VALUES: [&str; 24] = [
    "plain",
    "",
    " a  b ",
    "$HOME ${X} $(id) `id` $$",
    "it's",
    "say \"hi\"",
    "it's \"both\"",
    "a\\b",
    "a\\\\b \\n",
    "ends with \\",
    "one\ntwo\n",
    "\n",
    "äöü 漢字 🚢 \u{2018}x\u{2019}",
    "wow! !! !x ^a^b",
    "#a # b",
    "'\"\\$`!#\n\t;&|<>(){}[]*?~",
    "postgres://app:p%40ss@localhost:1/x?a=b&c=d#f",
    "\ta\t",
    "=a=b",
    "~/x:%PATH%:$PATH",
    "-n",
    "\u{1b}[31m\u{7}",
    "'",
    "a\rb",
];

fn name(index: usize) -> String {
    format!("V{index}")
}

/// As TOML writes it.
fn written(value: &str) -> String {
    serde_json::to_string(&value.replace('{', "{{").replace('}', "}}")).unwrap()
}

/// A file with each value for the project.
fn file() -> String {
    let value = |(at, value): (usize, &&str)| format!("{} = {}\n", name(at), written(value));
    format!("[env]\n{}", VALUES.iter().enumerate().map(value).collect::<Vec<_>>().concat())
}

/// The same with each value for a service of its own.
fn services() -> String {
    let service = |(at, value): (usize, &&str)| format!("[services.s{at}]\ncommand = 'x'\nenv = {{ X = {} }}\n", written(value));
    VALUES.iter().enumerate().map(service).collect::<Vec<_>>().concat()
}

const DUMP: &str = "import json, os; print(json.dumps([os.environ.get('V%d' % n) for n in range(24)]))";

/// Has a shell evaluate what it is given, and says what a program that it starts then has.
fn round_trip(shell: &str, line: &str) {
    if program(shell).is_none() || program("python3").is_none() {
        return;
    }
    let Some(shop) = Shop::with(&file()) else { return };
    let _ = shop.portward(&["allow"]).expect(0);
    shop.world.file("home/dump.py", DUMP);
    let dump = shop.world.path().join("home/dump.py");
    let line = line.replace("DUMP", &format!("/usr/bin/python3 {}", dump.display()));
    let outcome = shop.enter().run(&[shell, "-c", &line]).expect(0);
    let got: Vec<Option<String>> = serde_json::from_str(&outcome.stdout).unwrap();
    for (value, got) in VALUES.iter().zip(got) {
        assert_eq!(got.as_deref(), Some(*value), "{shell}");
    }
}

#[test]
fn bash_has_the_very_bytes() {
    round_trip("bash", "eval \"$(portward env)\"; DUMP");
}

#[test]
fn a_bash_that_expands_history_has_the_very_bytes() {
    round_trip("bash", "set -o history -o histexpand; eval \"$(portward env)\"; DUMP");
}

#[test]
fn dash_has_the_very_bytes() {
    round_trip("dash", "eval \"$(portward env)\"; DUMP");
}

#[test]
fn zsh_has_the_very_bytes() {
    round_trip("zsh", "eval \"$(portward env)\"; DUMP");
}

#[test]
fn fish_has_the_very_bytes() {
    round_trip("fish", "portward env --format fish | source; DUMP");
}

#[test]
fn nushell_has_the_very_bytes() {
    let Some(shop) = Shop::with(&file()) else { return };
    let Some(nu) = shop.world.npm_package("@nushell/linux-x64") else { return };
    let _ = shop.portward(&["allow"]).expect(0);
    let text = shop.portward(&["env", "--format", "nu"]).expect(0).stdout;
    let script = shop.world.file("home/load.nu", text + &format!("^/usr/bin/python3 -c \"{DUMP}\"\n"));
    let outcome = shop.enter().run(&[nu.join("bin/nu").as_os_str(), script.as_os_str()]).expect(0);
    let got: Vec<Option<String>> = serde_json::from_str(&outcome.stdout).unwrap();
    for (value, got) in VALUES.iter().zip(got) {
        assert_eq!(got.as_deref(), Some(*value));
    }
}

#[test]
fn powershell_has_the_very_bytes() {
    let Some(pwsh) = program("pwsh") else { return };
    let Some(shop) = Shop::with(&file().replace("V1 = \"\"", "V1 = \"x\"")) else { return };
    let _ = shop.portward(&["allow"]).expect(0);
    let text = shop.portward(&["env", "--format", "powershell"]).expect(0).stdout;
    let script = shop.world.file("home/load.ps1", text + &format!("& /usr/bin/python3 -c \"{DUMP}\"\n"));
    let outcome = shop.enter().run(&[pwsh.as_os_str(), "-NoProfile".as_ref(), "-File".as_ref(), script.as_os_str()]).expect(0);
    let got: Vec<Option<String>> = serde_json::from_str(&outcome.stdout).unwrap();
    for (value, got) in VALUES.iter().zip(got).filter(|(value, _)| !value.is_empty()) {
        assert_eq!(got.as_deref(), Some(*value));
    }
}

#[test]
fn an_empty_variable_is_none_to_powershell() {
    let Some(shop) = Shop::with("[env]\nA = ''\n") else { return };
    let _ = shop.portward(&["allow"]).expect(0);
    let refused = shop.portward(&["env", "--format", "powershell"]).expect(2);
    assert!(refused.stderr.contains("A is empty") && refused.stdout.is_empty(), "{refused}");
}

/// Each value in a file of its own: what is written reads as it was, and the rest is refused in words.
fn each(format: &str, refused: &[usize], read: &dyn Fn(&Shop, &std::path::Path) -> String) {
    let Some(shop) = Shop::with(&services()) else { return };
    let _ = shop.portward(&["allow"]).expect(0);
    for (at, value) in VALUES.iter().enumerate() {
        let outcome = shop.portward(&["env", &format!("s{at}"), "--format", format]);
        if refused.contains(&at) {
            let outcome = outcome.expect(2);
            assert!(outcome.stdout.is_empty() && outcome.stderr.contains("portward: X "), "{format} {value:?}: {outcome}");
            continue;
        }
        let lines = outcome.expect(0).stdout;
        let path = shop.world.file(&format!("home/{at}.env"), &lines);
        assert_eq!(read(&shop, &path), *value, "{format}: {lines}");
    }
}

/// Values that readers of `.env` files understand differently.
const NOT_DOTENV: &[usize] = &[3, 6, 8, 9, 15, 23];

#[test]
fn node_reads_the_dotenv_file() {
    let Some(node) = program("node") else { return };
    each("dotenv", NOT_DOTENV, &|shop, path| {
        let node = node.to_str().unwrap();
        let file = format!("--env-file={}", path.display());
        let code = "process.stdout.write(JSON.stringify(process.env.X))";
        let outcome = shop.enter().run(&[node, &file, "-e", code]).expect(0);
        serde_json::from_str(&outcome.stdout).unwrap()
    });
}

#[test]
fn python_reads_the_dotenv_file() {
    let Some(python) = program("python3") else { return };
    let Some(world) = crate::world() else { return };
    if world.run(&[python.as_os_str(), "-c".as_ref(), "import dotenv".as_ref()]).code != Some(0) {
        return skip("the module python-dotenv");
    }
    each("dotenv", NOT_DOTENV, &|shop, path| {
        let code = "import dotenv, json, sys; print(json.dumps(dotenv.dotenv_values(sys.argv[1])['X']))";
        let outcome = shop.enter().run(&[python.to_str().unwrap(), "-c", code, path.to_str().unwrap()]).expect(0);
        serde_json::from_str(&outcome.stdout).unwrap()
    });
}

#[test]
fn a_unit_of_systemd_reads_its_file() {
    // As `src/basic/env-file.c` reads a value in double quotes.
    each("systemd", &[10, 11, 15, 21, 23], &|_, path| {
        let text = std::fs::read_to_string(path).unwrap();
        let inside = text.lines().next().unwrap().strip_prefix("X=\"").unwrap().strip_suffix('"').unwrap().to_owned();
        let (mut value, mut chars) = (String::new(), inside.chars());
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some(c @ ('"' | '\\' | '`' | '$')) => value.push(c),
                    Some(c) => value.extend(['\\', c]),
                    None => panic!("{text}"),
                },
                '"' => panic!("{text}"),
                c => value.push(c),
            }
        }
        value
    });
}

#[test]
fn a_step_of_github_reads_its_file() {
    each("github", &[23], &|_, path| {
        let text = std::fs::read_to_string(path).unwrap();
        let first = text.lines().next().unwrap();
        match first.split_once("<<").filter(|(name, _)| *name == "X") {
            None => first.strip_prefix("X=").unwrap().to_owned(),
            Some((_, end)) => {
                let rest = text.strip_prefix(first).unwrap().strip_prefix('\n').unwrap();
                let (value, _) = rest.split_once(&format!("\n{end}\n")).unwrap();
                value.to_owned()
            }
        }
    });
}

#[test]
fn json_is_one_flat_object() {
    let Some(shop) = Shop::with(&file()) else { return };
    let _ = shop.portward(&["allow"]).expect(0);
    let read: Value = serde_json::from_str(&shop.portward(&["env", "--format", "json"]).expect(0).stdout).unwrap();
    for (at, value) in VALUES.iter().enumerate() {
        assert_eq!(read[name(at)], *value);
    }
}

#[test]
fn what_was_set_is_taken_away_again() {
    let Some(bash) = program("bash") else { return };
    let Some(shop) = Shop::with(FILE) else { return };
    let _ = shop.portward(&["allow"]).expect(0);
    let line = "eval \"$(portward env)\"; eval \"$(portward env --unset)\"; printenv DATABASE_URL API; echo $?";
    let outcome = shop.enter().run(&[bash.to_str().unwrap(), "-c", line]).expect(0);
    assert_eq!(outcome.stdout, "1\n", "{outcome}");
    let refused = shop.portward(&["env", "--unset", "--format", "dotenv"]).expect(2);
    assert!(refused.stderr.contains("cannot take one away"), "{refused}");
}
