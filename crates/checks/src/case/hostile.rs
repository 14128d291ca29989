//! The scenes of every cause on a machine where somebody has chosen the names: what is offered there is typed by people.

use portward_model::{Examination, Remedy, Snapshot, Text};
use serde_json::Value;

use super::scene::Scene;
use crate::{
    bind::View,
    cause::{Situations, every_cause},
    check::{Check, Ruling},
};

/// What every cause offers with this name in all that other people name: folders, units, containers, interfaces, users.
pub fn offered_among(name: &str) -> Vec<(&'static str, Remedy)> {
    let mut offered = Vec::new();
    for cause in every_cause() {
        let Situations { endpoints, binds } = (cause.cases)();
        let of_endpoints = endpoints.fires.into_iter().map(|scene| cause.run(&renamed(scene, name).case()));
        let of_binds = binds.fires.into_iter().map(|(snapshot, mut question)| {
            if let crate::BindHost::Path(path) = &mut question.host {
                *path = renamed_text(path, name);
            }
            cause.run(&View::new(&renamed_snapshot(&snapshot, name), &question))
        });
        for found in of_endpoints.chain(of_binds).filter_map(Ruling::found) {
            offered.extend(found.remedies.into_iter().map(|remedy| (cause.code, remedy)));
        }
    }
    offered
}

fn renamed(scene: Scene, name: &str) -> Scene {
    let snapshot = renamed_snapshot(&scene.snapshot, name);
    let mut exam = serde_json::to_value(&scene.exam).unwrap();
    rename(&mut exam, "", name);
    let exam: Examination = serde_json::from_value(exam).unwrap();
    let mut asked = scene.asked;
    asked.path = asked.path.map(|path| renamed_text(&path, name));
    asked.name = asked.name.map(|host| host + name);
    asked.resource = asked.resource.map(|resource| resource + name);
    Scene { snapshot, exam, asked, ..scene }
}

fn renamed_snapshot(snapshot: &Snapshot, name: &str) -> Snapshot {
    let mut value = serde_json::to_value(snapshot).unwrap();
    rename(&mut value, "", name);
    serde_json::from_value(value).unwrap()
}

fn renamed_text(text: &Text, name: &str) -> Text {
    let mut value = serde_json::to_value(text).unwrap();
    rename(&mut value, "path", name);
    serde_json::from_value(value).unwrap()
}

/// Puts the name into what stands below a key. The same text becomes the same everywhere.
fn rename(value: &mut Value, key: &str, name: &str) {
    match value {
        Value::Object(fields) => {
            let own = if key == "users" { "user" } else { "" };
            for (key, value) in fields.iter_mut() {
                rename(value, if own.is_empty() { key } else { own }, name);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, key, name)),
        Value::String(text) => {
            if let Some(renamed) = put(text, key, name) {
                *text = renamed;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn put(text: &str, key: &str, name: &str) -> Option<String> {
    let shown = Text::from(name).shown();
    if let (true, Some((folder, base))) = (text.starts_with('/') && !text.starts_with("/sys"), text.rsplit_once('/')) {
        // A unit is the last part of its group, and its kind the end of that.
        return Some(match base.rsplit_once('.').filter(|(_, kind)| ["service", "scope"].contains(kind)) {
            Some((unit, kind)) => format!("{folder}/{unit}{shown}.{kind}"),
            None if folder.contains("/docker") || base.starts_with("docker-") => return None,
            None => format!("{folder}/{shown}/{base}"),
        });
    }
    let named = ["image", "service", "user", "label"].contains(&key) || (key == "name" && !text.contains('/') && text != "lo");
    // Programs are known by their names; those of what runs stay.
    (named && !PROGRAMS.contains(&text)).then(|| format!("{text}{shown}"))
}

/// Names by which the causes know programs in their scenes.
const PROGRAMS: [&str; 24] = [
    "postgres",
    "mysqld",
    "mariadbd",
    "redis-server",
    "node",
    "python3",
    "nginx",
    "vite",
    "java",
    "ssh",
    "systemd",
    "dockerd",
    "gdb",
    "nc",
    "sh",
    "bash",
    "zsh",
    "gunicorn",
    "nodemon",
    "docker-proxy",
    "caddy",
    "dlv",
    "gdbserver",
    "kubectl",
];
