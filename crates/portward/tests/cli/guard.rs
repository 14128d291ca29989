//! `portward guard`: what is open, what is closed and by what, and every answer to what it cannot do.

use portward_testkit::{Outcome, World};
use serde_json::{Value, json};

use crate::world;

/// What one field of each socket is, in the document's order.
fn all(document: &Value, field: &str) -> Vec<Value> {
    document["sockets"].as_array().unwrap().iter().map(|socket| socket[field].clone()).collect()
}

/// What was said, wherever.
fn said(outcome: &Outcome) -> String {
    format!("{}{}", outcome.stdout, outcome.stderr)
}

#[test]
fn status_tells_open_from_closed() {
    let Some(world) = world() else { return };
    world.add_lan("eth0", "192.168.77.1/24");
    let nothing = world.portward(&["guard"]).expect(0);
    assert!(nothing.stdout.contains("Nothing listens"), "{nothing}");
    let _closed = world.actor(&["listen", "tcp/127.0.0.1:3000", "tcp/0.0.0.0:3001,device=lo", "udp/[::1]:3002", "unix/@name"]);
    let fine = world.portward(&["guard", "status", "--json"]).expect(0);
    assert_eq!(all(&fine.json(), "state"), ["loopback", "pinned", "loopback"], "{fine}");
    let open = world.actor(&["listen", "tcp/0.0.0.0:4000", "udp/0.0.0.0:4001"]);
    let outcome = world.portward(&["guard", "--json"]).expect(1);
    let document = outcome.json();
    assert_eq!(all(&document, "state"), ["open", "open", "loopback", "pinned", "loopback"], "open ones first: {outcome}");
    assert_eq!(all(&document, "endpoint")[..2], ["0.0.0.0:4000", "udp/0.0.0.0:4001"]);
    assert_eq!(document["sockets"][0]["pid"], open.pid());
    assert_eq!(document["sockets"][0]["reach"][0]["who"], "lan", "{outcome}");
    assert_eq!(document["sockets"][0]["close"], "portward guard pin 4000");
    assert_eq!(document["sockets"][1]["close"], "portward guard pin udp/4001");
    assert_eq!(document["sockets"][2]["close"], Value::Null);
    let text = world.enter().env("COLUMNS", "160").portward(&["guard"]).expect(1);
    assert!(text.stdout.contains("eth0") && text.stdout.contains("closed: pinned to lo"), "{text}");
    assert!(text.stdout.contains("portward guard pin 4000") && text.stderr.contains("2 sockets are open"), "{text}");
}

#[test]
fn status_of_endpoints() {
    let Some(world) = world() else { return };
    let _web = world.actor(&["listen", "tcp/0.0.0.0:3000", "udp/0.0.0.0:3000", "tcp/127.0.0.1:4000"]);
    let both = world.portward(&["guard", "status", "3000", "--json"]).expect(1);
    assert_eq!(all(&both.json(), "transport"), ["tcp", "udp"], "a bare port is both: {both}");
    let one = world.portward(&["guard", "status", "udp/3000", "--json"]).expect(1);
    assert_eq!(all(&one.json(), "transport"), ["udp"], "{one}");
    let closed = world.portward(&["guard", "status", "4000", "localhost:4000", "--json"]).expect(0);
    assert_eq!(all(&closed.json(), "state"), ["loopback"], "named twice is told once: {closed}");
    let silent = world.portward(&["guard", "status", "5000", "--json"]).expect(0);
    assert_eq!(silent.json()["silent"], json!(["5000"]), "{silent}");
}

#[test]
fn a_pin_is_told_and_holds() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/[::]:3000,dual", "udp/0.0.0.0:3000"]);
    let dry = world.portward(&["guard", "pin", "3000", "--dry-run", "--json"]).expect(0);
    assert_eq!(all(&dry.json(), "did"), ["would_pin", "would_pin"], "{dry}");
    assert_eq!(all(&dry.json(), "state"), ["open", "open"], "nothing was changed: {dry}");
    let outcome = world.portward(&["guard", "pin", "3000", "--json"]).expect(0);
    let document = outcome.json();
    assert_eq!(all(&document, "did"), ["pinned", "pinned"], "{outcome}");
    assert_eq!(all(&document, "state"), ["pinned", "pinned"], "{outcome}");
    assert_eq!(all(&document, "pid"), [actor.pid(), actor.pid()]);
    assert_eq!((&document["done"], &document["rules"]), (&json!(true), &json!([])));
    assert!(!document["limits"].as_array().unwrap().is_empty(), "{outcome}");
    let listed = world.portward(&["list", "--json", "3000"]).expect(0).reading();
    assert!(listed.sockets().iter().all(|socket| socket["device"] == "lo"), "{:#}", listed.document());
    let again = world.portward(&["guard", "pin", "3000", "--json"]).expect(0);
    assert_eq!(all(&again.json(), "did"), ["already_pinned", "already_pinned"], "{again}");
    let text = world.portward(&["guard", "pin", "3000"]).expect(0);
    assert!(text.stdout.contains("already") && text.stdout.contains("listens anew"), "{text}");
}

#[test]
fn it_says_what_it_did() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/0.0.0.0:3000"]);
    let outcome = world.portward(&["guard", "pin", "http://localhost:3000/cart"]).expect(0);
    let pid = actor.pid().to_string();
    assert!(outcome.stdout.contains("pinned to lo now") && outcome.stdout.contains(&pid), "{outcome}");
    assert!(outcome.stdout.contains("CAP_NET_RAW"), "its limits: {outcome}");
}

#[test]
fn only_the_transport_that_was_named() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/0.0.0.0:3000", "udp/0.0.0.0:3000"]);
    let outcome = world.portward(&["guard", "pin", "udp/3000", "--json"]).expect(0);
    assert_eq!(all(&outcome.json(), "transport"), ["udp"], "{outcome}");
    let left = world.portward(&["guard", "status", "3000", "--json"]).expect(1);
    assert_eq!(all(&left.json(), "state"), ["open", "pinned"], "{left}");
}

#[test]
fn a_loopback_address_needs_no_pin() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["guard", "pin", "3000", "--json"]).expect(0);
    let document = outcome.json();
    assert_eq!((all(&document, "state"), all(&document, "did")), (vec![json!("loopback")], vec![Value::Null]), "{outcome}");
    let listed = world.portward(&["list", "--json", "3000"]).expect(0).reading();
    assert_eq!(listed.only(3000)["device"], Value::Null, "it was left as it was");
}

#[test]
fn every_socket_of_a_port_and_every_way_to_hold_one() {
    let Some(world) = world() else { return };
    for (role, sockets) in [
        (&["reuseport", "3", "tcp/0.0.0.0:3000"][..], 3),
        (&["inherit", "tcp/0.0.0.0:3000"], 1),
        (&["handed-down", "tcp/0.0.0.0:3000"], 1),
        (&["private-table", "tcp/0.0.0.0:3000"], 1),
        (&["dead-leader", "tcp/0.0.0.0:3000"], 1),
    ] {
        let _actor = world.actor(role);
        let outcome = world.portward(&["guard", "pin", "3000", "--json"]).expect(0);
        assert_eq!(all(&outcome.json(), "did"), vec!["pinned"; sockets], "{role:?}: {outcome}");
    }
}

#[test]
fn a_server_that_runs_in_a_session_is_pinned_already() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/0.0.0.0:3000,device=lo"]);
    let outcome = world.portward(&["guard", "pin", "3000"]).expect(0);
    assert!(outcome.stdout.contains("pinned to lo already"), "{outcome}");
}

/// The one socket of a pin that was refused, and the rules that came with it.
#[track_caller]
fn refused(outcome: &Outcome, code: &str) -> (Value, String) {
    let document = outcome.json();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert_eq!((all(&document, "did"), all(&document, "code")), (vec![json!("refused")], vec![json!(code)]), "{outcome}");
    assert_eq!((all(&document, "state"), &document["done"]), (vec![json!("open")], &json!(false)), "{outcome}");
    assert!(document["sockets"][0]["because"].as_str().is_some_and(|because| !because.is_empty()), "{outcome}");
    (document["sockets"][0].clone(), document["rules"][0]["paste"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_socket_that_no_process_holds() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["in-flight", "tcp/0.0.0.0:3000"]);
    let (_, rules) = refused(&world.portward(&["guard", "pin", "3000", "--json"]), "no-process");
    assert!(rules.contains("tcp dport 3000") && rules.starts_with("sudo nft -f -"), "{rules}");
}

#[test]
fn one_address_of_the_network_would_be_cut_off_from_everybody() {
    let Some(world) = world() else { return };
    world.add_lan("eth0", "192.168.77.1/24");
    let _actor = world.actor(&["listen", "tcp/192.168.77.1:3000"]);
    let (socket, rules) = refused(&world.portward(&["guard", "pin", "3000", "--json"]), "bound-to-one-address");
    assert!(socket["because"].as_str().unwrap().contains("192.168.77.1"), "{socket:#}");
    assert!(rules.contains("portward_guard_tcp_3000"), "{rules}");
    let listed = world.portward(&["list", "--json", "3000"]).expect(0).reading();
    assert_eq!(listed.only(3000)["device"], Value::Null, "it was left as it was");
    let dry = world.portward(&["guard", "pin", "3000", "--dry-run", "--json"]).expect(1);
    assert_eq!(all(&dry.json(), "code"), ["bound-to-one-address"], "a dry run knows: {dry}");
    let status = world.portward(&["guard", "status", "3000", "--json"]).expect(1);
    assert_eq!(status.json()["sockets"][0]["close"], "sudo portward guard pin 3000 --firewall", "{status}");
}

#[test]
fn another_namespaces_server_is_told_with_the_way_in() {
    let Some(world) = world() else { return };
    world.add_netns("blue");
    let mut there = world.enter().netns("blue").actor(&["listen", "tcp/0.0.0.0:3000"]);
    let (socket, rules) = refused(&world.portward(&["guard", "pin", "3000", "--json"]), "other-namespace");
    assert!(socket["because"].as_str().unwrap().contains("blue"), "{socket:#}");
    assert_eq!(socket["close"], "sudo ip netns exec blue portward guard pin 3000");
    assert!(rules.starts_with("sudo ip netns exec blue nft -f -"), "{rules}");
    assert!(there.is_alive());
}

#[test]
fn another_users_server() {
    let Some(world) = world() else { return };
    if !portward_testkit::require_root("be two users") {
        return;
    }
    let mut actor = world.actor(&["listen", "tcp/0.0.0.0:3000"]);
    let outcome = world.enter().stranger().portward(&["guard", "pin", "3000", "--json"]);
    let (socket, rules) = refused(&outcome, "other-user");
    assert!(socket["because"].as_str().unwrap().contains("root"), "{socket:#}");
    assert!(rules.contains("tcp dport 3000"), "{rules}");
    let text = world.enter().stranger().portward(&["guard", "pin", "3000"]).expect(1);
    assert!(text.stdout.contains("sudo nft -f - <<'END'") && text.stdout.contains("undo"), "{text}");
    assert!(text.stdout.contains("sudo portward guard pin 3000\n"), "root may pin it: {text}");
    assert!(actor.is_alive());
    let own = world.enter().stranger().portward(&["guard", "--json"]).expect(0);
    assert_eq!(own.json()["sockets"], json!([]), "root's sockets are no business of another user's: {own}");
    let theirs = world.enter().stranger().actor(&["listen", "tcp/0.0.0.0:4000"]);
    let outcome = world.enter().stranger().portward(&["guard", "pin", "4000", "--json"]).expect(0);
    assert_eq!(all(&outcome.json(), "did"), ["pinned"], "without a privilege: {outcome}");
    let root = world.portward(&["guard", "pin", "4000", "--json"]).expect(0);
    assert_eq!((all(&root.json(), "did"), all(&root.json(), "pid")), (vec![json!("already_pinned")], vec![json!(theirs.pid())]));
}

#[test]
fn a_process_that_nobody_may_look_into() {
    let Some(world) = world() else { return };
    if !portward_testkit::require_root("be somebody without privileges") {
        return;
    }
    let server = world.enter().stranger().start(&["python3", "-c", HIDDEN]);
    server.line_where(|line| line == "READY");
    let (socket, _) = refused(&world.enter().stranger().portward(&["guard", "pin", "3000", "--json"]), "not-dumpable");
    assert!(socket["because"].as_str().unwrap().contains("dumpable"), "{socket:#}");
    // Root may.
    let outcome = world.portward(&["guard", "pin", "3000", "--json"]).expect(0);
    assert_eq!(all(&outcome.json(), "did"), ["pinned"], "{outcome}");
}

const HIDDEN: &str = r"
import ctypes, socket, sys
s = socket.create_server(('0.0.0.0', 3000))
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
print('READY', flush=True)
sys.stdin.read()
";

#[test]
fn a_pin_to_another_device_is_not_moved_without_the_right() {
    let Some(world) = world() else { return };
    world.add_veth("v0", "v1");
    if portward_testkit::require_root("be somebody without privileges") {
        let _theirs = world.enter().stranger().actor(&["listen", "tcp/0.0.0.0:3000,device=v0"]);
        let (socket, _) =
            refused(&world.enter().stranger().portward(&["guard", "pin", "3000", "--json"]), "pinned-to-other-device");
        assert!(socket["because"].as_str().unwrap().contains("v0"), "{socket:#}");
    }
}

#[test]
fn one_that_can_and_one_that_cannot() {
    let Some(world) = world() else { return };
    world.add_lan("eth0", "192.168.77.1/24");
    let _actor = world.actor(&["listen", "tcp/0.0.0.0:3000", "tcp/192.168.77.1:4000"]);
    let outcome = world.portward(&["guard", "pin", "3000", "4000", "5000", "--json"]).expect(1);
    let document = outcome.json();
    assert_eq!(all(&document, "did"), ["pinned", "refused"], "{outcome}");
    assert_eq!(document["silent"], json!(["5000"]), "{outcome}");
    assert_eq!(document["rules"][0]["endpoints"], json!(["4000"]), "{outcome}");
}

#[test]
fn nothing_listens() {
    let Some(world) = world() else { return };
    let outcome = world.portward(&["guard", "pin", "3000"]).expect(1);
    assert!(outcome.stderr.contains("Nothing listens on 3000") && outcome.stderr.contains("--firewall"), "{outcome}");
    // A client's end of a connection is no server.
    let _server = world.actor(&["listen", "tcp/127.0.0.1:5432"]);
    let _client = world.actor(&["connect", "tcp/127.0.0.1:5432,from=127.0.0.1:3000"]);
    let outcome = world.portward(&["guard", "pin", "3000", "--json"]).expect(1);
    assert_eq!((&outcome.json()["silent"], &outcome.json()["sockets"]), (&json!(["3000"]), &json!([])), "{outcome}");
}

#[test]
fn words_that_mean_nothing() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/0.0.0.0:3000"]);
    for (words, near) in [
        (&["pin"][..], "portward guard pin 3000"),
        (&["open"], "portward guard open 3000"),
        (&["shut", "3000"], "status, pin, open"),
        (&["3000"], "status, pin, open"),
        (&["pin", "70000"], "7000"),
        (&["pin", "3000", "0"], "port 0"),
        (&["pin", "/run/x.sock"], "Unix socket"),
        (&["pin", "@name"], "Unix socket"),
        (&["pin", "http://192.0.2.7:3000/"], "192.0.2.7 is no address of this machine"),
        (&["pin", "http://shop.example:3000/"], "does not resolve"),
        (&["pin", "http://localhost/"], "names no port"),
        (&["pin", "3000", "192.0.2.7:3000"], "192.0.2.7"),
        (&["pin", "3000", "--persist"], "--firewall"),
        (&["status", "--firewall"], "guard pin"),
        (&["open", "3000", "--firewall"], "guard pin"),
        (&["status", "--dry-run"], "only looks"),
    ] {
        let outcome = world.portward(&[&["guard"], words].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{words:?}: {outcome}");
        assert!(outcome.stderr.contains(near), "{words:?} leads to {near}: {outcome}");
    }
    let status = world.portward(&["guard", "status", "3000", "--json"]).expect(1);
    assert_eq!(all(&status.json(), "state"), ["open"], "a bad word stops the whole command: {status}");
}

#[test]
fn without_nft_and_without_root() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/192.168.77.1:3000"].map(|word| word.replace("192.168.77.1", "0.0.0.0")));
    if portward_testkit::require_root("hide a program from a world") {
        let hidden = ["unshare", "--mount", "--", "sh", "-c", HIDE, "hide"];
        let outcome = world.enter().through(&hidden).portward(&["guard", "pin", "3000", "--firewall"]).expect(2);
        assert!(outcome.stderr.contains("`nft` is not installed") && outcome.stderr.contains("nftables"), "{outcome}");
        let status = world.enter().through(&hidden).portward(&["guard", "status", "3000", "--json"]).expect(1);
        assert_eq!(status.json()["gaps"], json!([]), "no tool, no table: {status}");
    }
    if portward_testkit::program("nft").is_some() {
        let outcome = world.enter().stranger().portward(&["guard", "pin", "3000", "--firewall"]).expect(2);
        assert!(outcome.stderr.contains("sudo"), "{outcome}");
        let open = world.enter().stranger().portward(&["guard", "open", "3000"]).expect(2);
        assert!(open.stderr.contains("sudo"), "{open}");
    }
}

/// Puts a file that is no program in the place of `nft`.
const HIDE: &str = r#"
touch "$TMPDIR/none" && chmod 644 "$TMPDIR/none"
for nft in /usr/sbin/nft /sbin/nft /usr/bin/nft /bin/nft /usr/local/sbin/nft /usr/local/bin/nft; do
    if [ -e "$nft" ]; then mount --bind "$TMPDIR/none" "$nft" 2>/dev/null || true; fi
done
exec "$@"
"#;

#[test]
fn a_dry_run_of_the_firewall_only_tells() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/0.0.0.0:3000", "udp/0.0.0.0:3000"]);
    // Whoever asks: nothing is loaded.
    let outcome = world.enter().stranger().portward(&["guard", "pin", "3000", "--firewall", "--dry-run", "--json"]).expect(0);
    let document = outcome.json();
    let tables: Vec<&Value> = document["tables"].as_array().unwrap().iter().map(|table| &table["state"]).collect();
    assert_eq!(tables, ["would_load", "would_load"], "{outcome}");
    assert_eq!(all(&document, "state"), ["open", "open"], "{outcome}");
    let text = world.portward(&["guard", "pin", "3000", "--firewall", "--dry-run"]).expect(0);
    assert!(said(&text).contains("hook prerouting priority raw") && said(&text).contains("would close 3000"), "{text}");
}

#[test]
fn documents_of_status_line_by_line() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/0.0.0.0:3000", "tcp/127.0.0.1:4000"]);
    let lines = world.portward(&["guard", "--ndjson"]).expect(1).lines_json();
    let states: Vec<&Value> = lines.iter().map(|line| &line["state"]).collect();
    assert_eq!(states, ["open", "loopback"]);
}

/// The world that a test is given is this user's own; what is said there does not depend on who that is.
#[test]
fn nobody_pins_without_a_privilege() {
    let Some(world) = World::as_nobody(crate::PORTWARD) else { return };
    let _actor = world.actor(&["listen", "tcp/[::]:3000,dual"]);
    let outcome = world.portward(&["guard", "pin", "3000", "--json"]).expect(0);
    assert_eq!(all(&outcome.json(), "did"), ["pinned"], "{outcome}");
}
