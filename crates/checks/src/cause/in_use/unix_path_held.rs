cause! {
    "unix-path-held": "a socket has the Unix path already",
    Reading, Bind(run),
    what: "A bind makes the file of a Unix socket, and fails with EADDRINUSE when a file of that name exists (unix(7)).
An abstract name, written with @, has no file: it is refused while a socket of the same network namespace has
it. Whose file it is, its device and inode tell, not the name that a socket was bound by; where nobody looked at the file, a bind
is refused likely, not certainly.",
    evidence: "The socket that is bound to the file (unix_diag), and the file where somebody looked.",
    fix: "Stop the holder; a server that ends well removes its file.",
}

use crate::{
    bind::{BindHost, words},
    cause::prelude::*,
};

fn run(view: &View<'_>) -> Option<Finding> {
    let BindHost::Path(path) = &view.question.host else { return None };
    let unix = view.unix()?;
    let snapshot = view.snapshot;
    let behind = unix.behind(snapshot);
    let mut serving = behind.sockets.iter().filter_map(|index| Some((*index, snapshot.sockets.get(*index)?)));
    let fits = |socket: &Socket| !unix.is_abstract() || socket.transport == view.question.transport;
    let serves = |socket: &Socket| matches!(socket.state, SocketState::Listen | SocketState::Bound);
    let Some((index, socket)) = serving.find(|(_, socket)| serves(socket) && fits(socket)) else {
        // Where no namespace that could be read has it, that it is there is known all the same. Connections that it took may be here.
        return (unix.is_bound() == Some(true)).then(|| {
            let summary =
                format!("Unix socket {path} is held by a socket that could not be seen, as of another network namespace.");
            let evidence = Evidence::new("connect(2)", format!("a datagram socket is refused for its type: {path} is bound"));
            let look = offer::explain("See what is known of it", [b"unix:", path.raw()].concat());
            Finding::new(CAUSE.code, Likelihood::Certain, summary, vec![evidence], vec![look])
        });
    };
    let exists = view.question.standing.as_ref().map(|facts| facts.kind.is_some() && !facts.closed);
    let likelihood = match exists.or(view.question.file_exists) {
        Some(true) => Likelihood::Certain,
        Some(false) | None if unix.is_abstract() => Likelihood::Certain,
        Some(false) if view.question.standing.is_none() => return None,
        Some(false) | None => Likelihood::Likely,
    };
    let who = words::holder(snapshot, index).map_or_else(
        || format!("a process of user {} that could not be seen", words::user(snapshot, socket.uid)),
        |process| words::described(snapshot, process),
    );
    Some(Finding::new(
        CAUSE.code,
        likelihood,
        format!("Unix socket {path} is held by {who}."),
        vec![Evidence::new("sock_diag", format!("{path} {}", socket.state.name().to_uppercase()))],
        vec![offer::free("Stop what holds it", [b"unix:", path.raw()].concat())],
    ))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{FileKind, Likelihood, PathFacts, SocketState, Text};

    use super::run;
    use crate::{
        bind::{BindQuestion, View},
        cause::{Binds, Cases},
        fixture::{held, machine, unix},
    };

    pub(crate) fn cases() -> Binds {
        let path = |path: &str, file| BindQuestion::path(Text::from(path), file);
        let file = held(unix(Some("/run/x.sock"), SocketState::Listen));
        let name = held(unix(Some("@x"), SocketState::Listen));
        let mut away = name.clone();
        away.namespaces[0].own = false;
        Cases {
            fires: vec![
                (file.clone(), path("/run/x.sock", None)),
                (file.clone(), path("/run/x.sock", Some(true))),
                (name.clone(), path("@x", None)),
            ],
            silent: vec![
                (file.clone(), path("/run/x.sock", Some(false))),
                (file, path("/run/y.sock", None)),
                (away, path("@x", None)),
                (machine(), path("/run/x.sock", None)),
                (held(unix(None, SocketState::Established)), path("/run/x.sock", None)),
            ],
        }
    }

    #[test]
    fn what_is_bound_and_out_of_sight_holds_the_path() {
        let standing = |bound| Some(PathFacts { kind: Some(FileKind::Socket), bound: Some(bound), ..PathFacts::default() });
        let told = |bound| {
            let question = BindQuestion { standing: standing(bound), ..BindQuestion::path("/run/x.sock".into(), None) };
            run(&View::new(&machine(), &question)).map(|cause| cause.likelihood)
        };
        assert_eq!((told(true), told(false)), (Some(Likelihood::Certain), None));
    }

    #[test]
    fn a_file_nobody_looked_at_leaves_it_likely() {
        let snapshot = held(unix(Some("/run/x.sock"), SocketState::Listen));
        let told =
            |file| run(&View::new(&snapshot, &BindQuestion::path(Text::from("/run/x.sock"), file))).map(|cause| cause.likelihood);
        assert_eq!(told(None), Some(Likelihood::Likely));
        assert_eq!(told(Some(true)), Some(Likelihood::Certain));
        let name = held(unix(Some("@x"), SocketState::Listen));
        let cause = run(&View::new(&name, &BindQuestion::path(Text::from("@x"), None))).unwrap();
        assert_eq!(cause.likelihood, Likelihood::Certain);
        assert_eq!(cause.remedies[0].line(), "portward free unix:@x");
    }
}
