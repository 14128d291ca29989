//! The schemas that the binary prints of its own answers, asked for once per test program.

use std::{
    collections::HashMap,
    path::Path,
    process::Command,
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::Validator;
use serde_json::Value;

/// Where a document differs from the schema that `portward schema NAME` prints; empty when it does not.
pub(crate) fn faults(portward: &Path, name: &str, document: &Value) -> Vec<String> {
    let validator = validator(portward, name);
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).take(10).collect()
}

/// Where a document differs from a schema that somebody else has published; empty when it does not.
pub fn differences(schema: &Value, document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).expect("what is published is a JSON schema");
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).take(10).collect()
}

fn validator(portward: &Path, name: &str) -> Arc<Validator> {
    let mut known = KNOWN.lock().expect("a schema that cannot be had fails every test that asks for it");
    Arc::clone(known.entry(name.to_owned()).or_insert_with(|| Arc::new(read(portward, name))))
}

fn read(portward: &Path, name: &str) -> Validator {
    let output = Command::new(portward).args(["schema", name]).env_clear().output().expect("portward can be started");
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`portward schema {name}` ended with {}: {talk}", output.status);
    let schema: Value = serde_json::from_slice(&output.stdout).expect("`portward schema` prints JSON");
    jsonschema::validator_for(&schema).expect("`portward schema` prints a JSON schema")
}

static KNOWN: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
