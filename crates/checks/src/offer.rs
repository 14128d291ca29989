//! Repairs that Portward does itself: each a call of an operation, with the line that a person types for it.
//!
//! The one place of this crate that knows operations by name. A test of the registry holds every call that any cause's
//! scenes make to the operation's input, its effect and its command line.

use portward_model::{Effect, Remedy, ShellLine, Text};
use serde_json::{Value, json};

/// Stopping what holds an endpoint.
pub(crate) fn free(title: impl Into<String>, target: impl AsRef<[u8]>) -> Remedy {
    at("free", "free", Effect::Destroy, title, target, |target| json!({ "endpoints": [target] }))
}

/// Letting what serves an endpoint go on.
pub(crate) fn resume(title: impl Into<String>, target: impl AsRef<[u8]>) -> Remedy {
    at("resume", "resume", Effect::Change, title, target, |target| json!({ "endpoint": target }))
}

/// Reading what an endpoint is, or the page of a cause.
pub(crate) fn explain(title: impl Into<String>, target: impl AsRef<[u8]>) -> Remedy {
    at("explain", "explain", Effect::Read, title, target, |target| json!({ "endpoint": target }))
}

/// Reading the page of a cause.
pub fn read_page(code: &str) -> Remedy {
    explain("Read its page", code)
}

/// Waiting until an endpoint is served.
pub(crate) fn wait(title: impl Into<String>, target: impl AsRef<[u8]>) -> Remedy {
    at("wait", "wait", Effect::Read, title, target, |target| json!({ "endpoints": [target] }))
}

/// Waiting until an endpoint can be bound.
pub(crate) fn wait_free(title: impl Into<String>, target: impl AsRef<[u8]>) -> Remedy {
    at("wait", "wait --free", Effect::Read, title, target, |target| json!({ "endpoints": [target], "free": true }))
}

/// Asking the doctor about another endpoint.
pub(crate) fn ask(title: impl Into<String>, target: impl AsRef<[u8]>) -> Remedy {
    at("doctor.ask", "doctor", Effect::Read, title, target, |target| json!({ "target": target }))
}

/// Drawing who is connected to an endpoint.
pub(crate) fn graph(title: impl Into<String>, target: impl AsRef<[u8]>) -> Remedy {
    at("graph", "graph", Effect::Read, title, target, |target| json!({ "filters": [target] }))
}

/// Stopping a service of a session.
pub(crate) fn stop(title: impl Into<String>, service: impl AsRef<[u8]>) -> Remedy {
    at("stop", "stop", Effect::Destroy, title, service, |service| json!({ "services": [service] }))
}

/// Lending a project the real ports.
pub(crate) fn front(title: impl Into<String>, project: &Text) -> Remedy {
    at("front.give", "front", Effect::Change, title, project, |project| json!({ "project": project }))
}

/// Finding a port that can be bound, from this one up.
pub(crate) fn next(title: impl Into<String>, from: impl Into<u32>) -> Remedy {
    let from = from.into().to_string();
    at("next", "next", Effect::Read, title, from, |from| json!({ "range": from }))
}

/// The next port after this one that needs no privilege.
pub(crate) fn next_after(title: impl Into<String>, port: u16) -> Remedy {
    next(title, port.checked_add(1).unwrap_or(1024).max(1024))
}

/// Seeing what is served.
pub(crate) fn list(title: impl Into<String>) -> Remedy {
    Remedy::operation(title, Effect::Read, "list", json!({}), "portward list")
}

/// The same, as it is asked most shortly.
pub(crate) fn everything(title: impl Into<String>) -> Remedy {
    Remedy::operation(title, Effect::Read, "list", json!({}), "portward")
}

/// Seeing every Unix socket.
pub(crate) fn list_unix(title: impl Into<String>) -> Remedy {
    Remedy::operation(title, Effect::Read, "list", json!({ "unix": true }), "portward list --unix")
}

/// A call about one thing. What no shell's word can name, such as a path with a control character, is looked for in the
/// list instead: no command is offered that would name another thing.
fn at(
    operation: &str,
    typed: &'static str,
    effect: Effect,
    title: impl Into<String>,
    target: impl AsRef<[u8]>,
    input: impl FnOnce(&str) -> Value,
) -> Remedy {
    let target = Text::new(target);
    let plain = std::str::from_utf8(target.raw()).unwrap_or_default();
    match ShellLine::from("portward").then(typed).operand(&target).typeable().filter(|_| !target.is_empty()) {
        Some(line) => Remedy::operation(title, effect, operation, input(plain), line),
        None => list_unix(title),
    }
}
