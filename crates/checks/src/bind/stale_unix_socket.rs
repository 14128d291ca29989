//! A file stands at the Unix path and no socket has it.

use portward_model::{Effect, Evidence, Finding, Likelihood, Remedy};

use super::{BindHost, Check, View};
use crate::offer;
use crate::quoted;

pub(crate) const CHECK: Check = Check {
    code: "stale-unix-socket",
    summary: "a file stands at the Unix path and no socket has it",
    doc: DOC,
    run,
    #[cfg(test)]
    cases: tests::cases,
};

const DOC: &str = "\
## What it is

A server that was killed leaves the file of its Unix socket behind. Nobody serves it, and a bind fails with
EADDRINUSE until it is removed (unix(7)).

## Evidence

The file exists, and no socket that was seen has its name. A server may have bound it by another name for the
same file: a relative path, or one through a link.

## Fix

Remove the file once it is sure that nothing serves it.

";

fn run(view: &View<'_>) -> Option<Finding> {
    let BindHost::Path(path) = &view.question.host else { return None };
    if view.question.file_exists != Some(true) || path.raw().starts_with(b"@") {
        return None;
    }
    if view.snapshot.sockets.iter().any(|socket| socket.path() == Some(path)) {
        return None;
    }
    let mut fixes = vec![offer::list_unix("See every Unix socket that is served")];
    if let Some(word) = quoted(path) {
        fixes.push(Remedy::command("Remove the file", format!("rm -- {word}"), Effect::Destroy));
    }
    Some(Finding::new(
        CHECK.code,
        Likelihood::Certain,
        format!("{path} exists, and no socket that was seen has that name: it is likely left from a server that ended."),
        vec![Evidence::new("stat(2)", format!("{path} exists")), Evidence::new("sock_diag", "no socket of that name")],
        fixes,
    ))
}

#[cfg(test)]
mod tests {
    use portward_model::{SocketState, Text};

    use crate::{
        bind::{BindQuestion, Cases},
        fixture::{held, machine, unix},
    };

    pub(crate) fn cases() -> Cases {
        let path = |path: &str, file| BindQuestion::path(Text::from(path), file);
        Cases {
            fires: vec![(machine(), path("/run/x.sock", Some(true)))],
            silent: vec![
                (machine(), path("/run/x.sock", None)),
                (machine(), path("/run/x.sock", Some(false))),
                (machine(), path("@x", Some(true))),
                (held(unix(Some("/run/x.sock"), SocketState::Listen)), path("/run/x.sock", Some(true))),
            ],
        }
    }
}
