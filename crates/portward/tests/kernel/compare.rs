//! Portward's list beside that of `ss`, socket by socket: on the live machine and in a busy world.
//!
//! `ss` is asked before and after. What stood in both of its readings unchanged must stand in ours the same;
//! what stands in ours must stand in one of its. Only what changed meanwhile is left out.

use std::collections::{BTreeMap, BTreeSet};

use portward_testkit::{Outcome, Reading, SsRow, ss_rows};
use serde_json::Value;

use crate::{PORTWARD, world};

const SS_INET: [&str; 2] = ["ss", "-Htunae"];
const SS_UNIX: [&str; 2] = ["ss", "-Hxae"];
const LIST: [&str; 3] = ["list", "--json", "--all"];

/// What is compared of a TCP or UDP socket, under its cookie.
type Facts = (String, String, String, u64, String, u64, u64);

fn of_ss(row: &SsRow) -> (u64, Facts) {
    let remote = if row.remote_port == 0 { (String::new(), 0) } else { (address(&row.remote), row.remote_port) };
    let state = match row.state.as_str() {
        "ESTAB" => "established",
        "UNCONN" if row.netid == "udp" => "bound",
        "UNCONN" => "closed",
        "FIN-WAIT-1" => "fin_wait1",
        "FIN-WAIT-2" => "fin_wait2",
        other => &other.to_lowercase().replace('-', "_"),
    };
    let local = address(&row.local);
    (row.cookie, (row.netid.clone(), state.to_owned(), local, row.local_port, remote.0, remote.1, row.inode))
}

/// An address as Portward writes it: no brackets, no zone, no device, and `::` for the `*` of a dual-stack bind.
fn address(text: &str) -> String {
    let text = text.split('%').next().unwrap_or_default().trim_matches(['[', ']']);
    if text == "*" { "::".to_owned() } else { text.to_owned() }
}

fn of_portward(socket: &Value) -> (u64, Facts) {
    let text = |value: &Value| value.as_str().unwrap_or_default().split('%').next().unwrap_or_default().to_owned();
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let (local, remote) = (&socket["local"], &socket["remote"]);
    let facts = (
        text(&socket["transport"]),
        text(&socket["state"]),
        text(&local["address"]),
        number(&local["port"]),
        text(&remote["address"]),
        number(&remote["port"]),
        number(&socket["inode"]),
    );
    (number(&socket["cookie"]), facts)
}

#[track_caller]
fn agree_on_inet(before: &Outcome, ours: &Reading, after: &Outcome) -> usize {
    let before: BTreeMap<u64, Facts> = ss_rows(before).iter().map(of_ss).collect();
    let after: BTreeMap<u64, Facts> = ss_rows(after).iter().map(of_ss).collect();
    let inet = ours.matching(|socket| socket["family"] != "unix" && socket["netns"]["own"] == true);
    let ours: BTreeMap<u64, Facts> = inet.iter().map(|socket| of_portward(socket)).collect();
    assert_eq!(inet.len(), ours.len(), "each socket once");
    let mut compared = 0;
    for (cookie, facts) in &before {
        if after.get(cookie) == Some(facts) {
            assert_eq!(ours.get(cookie), Some(facts), "a socket that ss lists, cookie {cookie:x}");
            compared += 1;
        }
    }
    for (cookie, facts) in &ours {
        let (transport, state, ..) = facts;
        // ss does not ask for TCP sockets that are bound and not listening.
        if transport == "tcp" && state == "bound" {
            continue;
        }
        let known = before.contains_key(cookie) || after.contains_key(cookie);
        // A socket that lived only between the two readings of ss is nobody's mistake; one that has an
        // inode which ss knows under another cookie is.
        let inodes: BTreeSet<u64> = before.values().chain(after.values()).map(|facts| facts.6).collect();
        assert!(known || !inodes.contains(&facts.6) || facts.6 == 0, "a socket that ss does not know: {facts:?}");
    }
    compared
}

#[track_caller]
fn agree_on_unix(before: &Outcome, ours: &Reading, after: &Outcome) -> usize {
    let named =
        |outcome: &Outcome| -> BTreeMap<u64, String> { ss_rows(outcome).into_iter().map(|row| (row.inode, row.netid)).collect() };
    let (before, after) = (named(before), named(after));
    let ours: BTreeMap<u64, String> = ours
        .matching(|socket| socket["family"] == "unix" && socket["netns"]["own"] == true)
        .iter()
        .map(|socket| {
            let netid = match socket["transport"].as_str().unwrap() {
                "unix" => "u_str",
                "unix_datagram" => "u_dgr",
                "unix_packet" => "u_seq",
                other => panic!("no Unix transport: {other}"),
            };
            (socket["inode"].as_u64().unwrap(), netid.to_owned())
        })
        .collect();
    let mut compared = 0;
    for (inode, netid) in &before {
        if after.get(inode) == Some(netid) {
            assert_eq!(ours.get(inode), Some(netid), "a Unix socket that ss lists, inode {inode}");
            compared += 1;
        }
    }
    compared
}

#[test]
fn the_live_machine() {
    let before = Outcome::of_program(&SS_INET).expect(0);
    let ours = Outcome::on_this_machine(PORTWARD, &LIST).expect(0).reading();
    let after = Outcome::of_program(&SS_INET).expect(0);
    agree_on_inet(&before, &ours, &after);
    let before = Outcome::of_program(&SS_UNIX).expect(0);
    let ours = Outcome::on_this_machine(PORTWARD, &LIST).expect(0).reading();
    let after = Outcome::of_program(&SS_UNIX).expect(0);
    agree_on_unix(&before, &ours, &after);
}

#[test]
fn a_busy_world() {
    let Some(world) = world() else { return };
    world.add_veth("v0", "v1");
    let path = world.path().join("run/pairs.sock");
    let _cast = [
        world.actor(&[
            "listen",
            "tcp/127.0.0.1:3000",
            "tcp/[::]:3001,v6only",
            "tcp/[::]:3002,dual",
            "udp/0.0.0.0:53",
            "udp/[::]:54",
        ]),
        world.actor(&["listen", "tcp/[::ffff:127.0.0.1]:3003,dual", "tcp/[fe80::1%v0]:3004", "tcp/0.0.0.0:3005,device=lo"]),
        world.actor(&["reuseport", "4", "tcp/0.0.0.0:3006"]),
        world.actor(&["pairs", "50", "tcp/127.0.0.1:3007"]),
        world.actor(&["pairs", "20", "tcp/[::]:3008,dual"]),
        world.actor(&["pairs", "10", &format!("unix/{}", path.display())]),
        world.actor(&["half-closed", "tcp/127.0.0.1:3009"]),
        world.actor(&["time-wait", "tcp/127.0.0.1:3010"]),
        world.actor(&["crowded", "9", "tcp/127.0.0.1:3011,backlog=4"]),
        world.actor(&["in-flight", "tcp/127.0.0.1:3012"]),
        world.actor(&["connect", "udp/127.0.0.1:53"]),
        world.actor(&["listen", "unix_packet/@busy", "unix_datagram/@busier", "tcp/127.0.0.1:3013,silent"]),
    ];
    let before = world.run(&SS_INET).expect(0);
    let ours = world.portward(&LIST).expect(0).reading();
    let after = world.run(&SS_INET).expect(0);
    assert!(agree_on_inet(&before, &ours, &after) > 150);
    let before = world.run(&SS_UNIX).expect(0);
    let after = world.run(&SS_UNIX).expect(0);
    assert!(agree_on_unix(&before, &ours, &after) > 20);
}

#[test]
fn a_world_in_which_sockets_come_and_go() {
    let Some(world) = world() else { return };
    let _steady = world.actor(&["pairs", "20", "tcp/127.0.0.1:3000"]);
    let _churn = world.actor(&["churn", "4000", "3"]);
    for _ in 0..5 {
        let before = world.run(&SS_INET).expect(0);
        let ours = world.portward(&LIST).expect(0).reading();
        let after = world.run(&SS_INET).expect(0);
        assert!(agree_on_inet(&before, &ours, &after) >= 41);
    }
}
