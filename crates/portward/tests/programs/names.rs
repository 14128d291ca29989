//! Real interpreters, started with options of their own: what they run keeps its name, and no option of theirs is missing from the table.

use portward_model::{Grammar, Runs};
use portward_testkit::{World, program};

use crate::{first_owner, world};

const PYTHON: &str =
    "import socket, sys, time\ns = socket.socket()\ns.bind(('127.0.0.1', int(sys.argv[-1])))\ns.listen()\ntime.sleep(600)\n";
const NODE: &str = "require('net').createServer().listen(+process.argv.at(-1), '127.0.0.1');\n";
const PHP: &str = "<?php $s = stream_socket_server('tcp://127.0.0.1:' . end($argv)); sleep(600);\n";
const PERL: &str = "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[-1], Listen => 5); sleep 600;\n";
const RUBY: &str = "require 'socket'; s = TCPServer.new('127.0.0.1', ARGV[-1].to_i); sleep 600\n";

/// The name by which a server goes that was started by these words and listens on the port that is the last of them.
fn title(world: &World, line: &str, port: u16) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    let port_word = port.to_string();
    words.push(&port_word);
    let _running = world.enter().directory(world.path().join("home")).start(&words);
    let _ = world.portward(&["wait", &port_word, "--timeout", "60s"]).expect(0);
    let reading = world.portward(&["list", "--json", &port_word]).expect(0).reading();
    first_owner(&reading, port)["title"].as_str().unwrap_or_default().to_owned()
}

/// Starts each line, and sees that its server is called `shop`.
fn are_called_shop(interpreter: &str, file: &str, script: &str, lines: &[&str]) {
    let Some(world) = world() else { return };
    if program(interpreter).is_none() {
        return;
    }
    world.file(&format!("home/{file}"), script);
    for (line, port) in lines.iter().zip(4100..) {
        assert_eq!(title(&world, line, port), "shop", "{line}");
    }
}

#[test]
fn python() {
    let lines = [
        "python3 -W ignore shop.py",
        "python3 -X utf8 -u shop.py",
        "python3 -Wignore -BX dev -mshop",
        "python3 -OW default -m shop",
    ];
    are_called_shop("python3", "shop.py", PYTHON, &lines);
}

#[test]
fn node() {
    let lines = [
        "node -C dev shop.js",
        "node --max-http-header-size 20000 shop.js",
        "node --max_http_header_size 20000 -r fs shop.js",
        "node --title x --trace-warnings --dns-result-order ipv4first -- shop.js",
    ];
    are_called_shop("node", "shop.js", NODE, &lines[..3]);
    // Who gives it a title wants that.
    let line: Vec<&[u8]> = lines[3].split(' ').map(str::as_bytes).collect();
    assert_eq!(Grammar::of(b"node").unwrap().runs(&line), Runs::Program { at: 7, name: b"shop.js" });
}

#[test]
fn php() {
    are_called_shop(
        "php",
        "shop.php",
        PHP,
        &["php -d memory_limit=64M shop.php", "php -dmemory_limit=64M -n -f shop.php", "php -c /etc -q shop.php"],
    );
}

#[test]
fn perl() {
    are_called_shop(
        "perl",
        "shop.pl",
        PERL,
        &["perl -I lib shop.pl", "perl -Ilib -Mstrict -w shop.pl", "perl -wI lib -MSocket -- shop.pl"],
    );
}

#[test]
fn ruby() {
    are_called_shop(
        "ruby",
        "shop.rb",
        RUBY,
        &["ruby -I lib shop.rb", "ruby -W0 -rsocket -C . shop.rb", "ruby --encoding utf-8 -Ilib -r socket shop.rb"],
    );
}

/// Node prints every option with a value as `--name=...`, and its own word is the best one.
#[test]
fn no_option_of_node_with_a_value_is_missing() {
    let Some(world) = world() else { return };
    if program("node").is_none() {
        return;
    }
    let help = world.run(&["node", "--help"]).expect(0).stdout;
    let lines = help.lines().filter_map(|line| line.strip_prefix("  -")).filter(|line| line.contains("=..."));
    let mut counted = 0;
    for line in lines {
        let written = format!("-{}", line.split("=...").next().unwrap());
        for option in written.split(", ").map(str::trim).filter(|option| option.starts_with('-')) {
            let words = ["node", option, "value.js", "shop.js"].map(str::as_bytes);
            let runs = Grammar::of(b"node").unwrap().runs(&words);
            assert!(matches!(runs, Runs::Program { at: 3, .. } | Runs::Code | Runs::Itself), "{option}: {runs:?}");
            counted += 1;
        }
    }
    assert!(counted > 30, "{help}");
}
