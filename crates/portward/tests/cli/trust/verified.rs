//! `portward trust --check`: real programs say what they believe.

use serde_json::Value;

use super::{Stage, step};

#[track_caller]
fn of<'a>(tried: &'a Value, name: &str) -> Option<&'a Value> {
    tried["verifiers"].as_array().unwrap().iter().find(|tried| tried["name"] == name)
}

#[test]
fn each_program_says_what_it_believes() {
    let Some(stage) = Stage::new() else { return };
    let none = stage.portward(&["trust", "--check", "--json"]).expect(1).json();
    assert_eq!(none["authorities"].as_array().unwrap().len(), 0, "{none:#}");
    let _ = stage.portward(&["serve", "site", "--https", "--timeout", "100ms"]).expect(0);
    let before = stage.portward(&["trust", "--check", "--json"]).expect(1).json();
    for tried in before["verifiers"].as_array().unwrap() {
        assert_ne!(tried["outside"], "accepts", "{tried:#}");
        assert_ne!(tried["foreign"], "accepts", "{tried:#}");
    }
    for name in ["curl", "openssl", "python3"] {
        if let Some(tried) = of(&before, name) {
            assert_eq!((&tried["outside"], &tried["foreign"]), (&"refuses".into(), &"refuses".into()), "{tried:#}");
        }
    }
    let answer = stage.portward(&["trust", "--yes", "--json"]).json();
    let by_system = step(&answer, "system", "ca-certificates")["outcome"] == "done";
    let after = stage.portward(&["trust", "--check", "--json"]).json();
    // Node reads no store of the system; the others do, and all of them what they are told in a session.
    for (name, reads_system) in [("curl", true), ("openssl", true), ("python3", true), ("ruby", true), ("node", false)] {
        let Some(tried) = of(&after, name) else { continue };
        let outside = if by_system && reads_system { "accepts" } else { "refuses" };
        assert_eq!((&tried["outside"], &tried["inside"]), (&outside.into(), &"accepts".into()), "{after:#}");
        assert_eq!(tried["foreign"], "refuses", "the authority's own words keep it to this machine: {after:#}");
    }
    let _ = stage.portward(&["trust", "--remove", "--yes"]);
    let gone = stage.portward(&["trust", "--check", "--json"]).expect(1).json();
    assert_eq!(gone["authorities"].as_array().unwrap().len(), 0, "{gone:#}");
}
