//! The schema by which editors complete the file, from its keys.

use serde_json::{Map, Value, json};

use super::{
    MOST_SERVICES, MOST_VALUES,
    keys::{Key, PROJECT, READY, SERVICE},
    shape::{LONGEST_NAME, Shape},
};
use crate::protocol::PROTOCOLS;

/// The schema of `portward.toml`, in the draft that editors of TOML understand (JSON Schema draft 7).
pub fn schema() -> Value {
    let mut schema = table(PROJECT);
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("$schema".to_owned(), "http://json-schema.org/draft-07/schema#".into());
        fields.insert("$id".to_owned(), "portward:portward.toml".into());
        fields.insert("title".to_owned(), "portward.toml".into());
        fields.insert(
            "description".to_owned(),
            "What a project declares: its services, their ports, and values that derive from them.".into(),
        );
    }
    schema
}

fn table<T>(keys: &[Key<T>]) -> Value {
    let properties: Map<String, Value> = keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn property<T>(key: &Key<T>) -> Value {
    let mut told = shape(key.shape);
    if let Some(fields) = told.as_object_mut() {
        fields.insert("description".to_owned(), key.about.into());
        if let Some(example) = example(key.example) {
            fields.insert("examples".to_owned(), json!([example]));
        }
    }
    told
}

/// An example as JSON has it.
fn example(written: &str) -> Option<Value> {
    let parsed = toml_edit::Document::parse(format!("x = {written}")).ok()?;
    json_of(parsed.get("x")?.as_value()?)
}

fn json_of(value: &toml_edit::Value) -> Option<Value> {
    Some(match value {
        toml_edit::Value::String(text) => text.value().as_str().into(),
        toml_edit::Value::Integer(number) => (*number.value()).into(),
        toml_edit::Value::Boolean(flag) => (*flag.value()).into(),
        toml_edit::Value::Array(list) => list.iter().map(json_of).collect::<Option<Vec<_>>>()?.into(),
        toml_edit::Value::InlineTable(table) => {
            let field = |(name, value): (&str, &toml_edit::Value)| Some((name.to_owned(), json_of(value)?));
            table.iter().map(field).collect::<Option<Map<_, _>>>()?.into()
        }
        toml_edit::Value::Float(_) | toml_edit::Value::Datetime(_) => return None,
    })
}

fn shape(shape: Shape) -> Value {
    let text = json!({ "type": "string", "minLength": 1, "pattern": r"\S" });
    match shape {
        Shape::Text => text,
        Shape::Composed => json!({ "type": "string", "pattern": r"^[A-Za-z0-9._-]+$" }),
        Shape::Name => json!({ "type": "string", "pattern": name_pattern() }),
        Shape::Label => json!({ "type": "string", "maxLength": LONGEST_NAME, "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" }),
        Shape::Folder => {
            json!({ "type": "string", "minLength": 1, "pattern": r"\S", "not": { "pattern": r"^/|(^|/)\.\.(/|$)" } })
        }
        Shape::Port => port(),
        Shape::Ports => json!({
            "type": "object",
            "propertyNames": { "pattern": name_pattern(), "not": { "enum": ["host", "port", "url"] } },
            "additionalProperties": port()
        }),
        Shape::Command => {
            let words = json!({ "type": "array", "minItems": 1, "items": [{ "type": "string", "minLength": 1 }], "additionalItems": { "type": "string" } });
            json!({ "anyOf": [text, words] })
        }
        Shape::Names => json!({ "type": "array", "items": { "type": "string" } }),
        Shape::Protocol => {
            let names = PROTOCOLS.iter().flat_map(|known| {
                [known.name]
                    .into_iter()
                    .chain(known.aliases.iter().copied())
                    .chain(known.schemes.iter().map(|scheme| scheme.words))
            });
            let mut names: Vec<&str> = names.collect();
            names.sort_unstable();
            names.dedup();
            json!({ "enum": names })
        }
        Shape::Span => {
            json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "pattern": r"^[0-9]*\.?[0-9]+(ms|s|m|h)?$" }] })
        }
        Shape::Word(words) => json!({ "enum": words }),
        Shape::Ready => {
            let mut one = table(READY);
            if let Some(fields) = one.as_object_mut() {
                fields.insert("minProperties".to_owned(), 1.into());
                fields.insert("maxProperties".to_owned(), 1.into());
            }
            json!({ "anyOf": [{ "type": "string", "pattern": "^/" }, one] })
        }
        Shape::True => json!({ "const": true }),
        Shape::Values => json!({
            "type": "object",
            "maxProperties": MOST_VALUES,
            "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
            "additionalProperties": { "type": ["string", "integer", "boolean"] }
        }),
        Shape::Services => json!({
            "type": "object",
            "maxProperties": MOST_SERVICES,
            "propertyNames": { "pattern": name_pattern(), "not": { "enum": ["project", "root"] } },
            "additionalProperties": service()
        }),
    }
}

fn service() -> Value {
    let mut service = table(SERVICE);
    if let Some(fields) = service.as_object_mut() {
        fields.insert(
            "oneOf".to_owned(),
            json!([{ "required": ["command"] }, { "required": ["use"] }, { "required": ["compose"] }]),
        );
    }
    service
}

fn port() -> Value {
    json!({ "anyOf": [{ "type": "integer", "minimum": 1, "maximum": 65535 }, { "type": "string", "pattern": "^(tcp|udp)/[0-9]{1,5}$" }] })
}

/// What a service or a port may be called: no number alone.
fn name_pattern() -> String {
    format!(r"^(?![0-9]+$)[A-Za-z0-9][A-Za-z0-9_-]{{0,{}}}$", LONGEST_NAME - 1)
}
