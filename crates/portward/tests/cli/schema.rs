//! `portward schema`: every operation says what its answer looks like.

use serde_json::Value;

use crate::world;

const OPERATIONS: &[&str] = &["list", "explain", "free", "wait", "watch", "graph", "next", "open", "snapshot"];

#[test]
fn every_operation_has_one() {
    let Some(world) = world() else { return };
    for name in OPERATIONS {
        let outcome = world.portward(&["schema", name]).expect(0);
        let schema: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert!(schema["properties"]["schema_version"].is_object(), "{name}");
        assert!(schema["title"].is_string() || schema["description"].is_string(), "{name}");
        let required = schema["required"].as_array().unwrap();
        assert!(required.iter().any(|field| field == "schema_version"), "{name}");
    }
}

#[test]
fn without_a_name_it_lists_them() {
    let Some(world) = world() else { return };
    let outcome = world.portward(&["schema"]);
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    for name in ["list", "explain", "free"] {
        assert!(said.contains(name), "{outcome}");
    }
}

#[test]
fn an_unknown_name() {
    let Some(world) = world() else { return };
    let outcome = world.portward(&["schema", "lisst"]).expect(2);
    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("lisst") && outcome.stderr.contains("list"), "{outcome}");
}
