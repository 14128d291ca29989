//! Who asks, as a value that comes with the request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::{ProcessId, Text};

/// Who asks for an operation: whose answer depends on it never reads that from the process that it happens to run in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The process.
    pub process: ProcessId,
    /// Its effective user.
    pub uid: u32,
    /// The directory that it stands in; `None` where that was removed under it.
    pub cwd: Option<Text>,
    /// The variables of its environment that matter: those of [`Caller::variables`] that it has.
    #[serde(serialize_with = "without_secrets")]
    pub environment: BTreeMap<String, Text>,
    /// The session that it says it runs in: a project's number, by [`Caller::SESSION`].
    pub session: Option<Text>,
}

impl Caller {
    /// The variable by which a program knows the session that it runs in.
    pub const SESSION: &'static str = "PORTWARD_SESSION";

    /// The variable by which a shell knows which state of its project's variables it has loaded.
    pub const STAMP: &'static str = "PORTWARD_STAMP";

    /// The variable that holds the user and the password by which a folder is served. It is never written down: a caller that is handed on
    /// to another process may stand among its arguments, for everybody to read.
    pub const AUTH: &'static str = "PORTWARD_AUTH";

    /// The variables by which the folder of leases is found.
    pub const FOLDERS: &'static [&'static str] = &["HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"];

    /// The variables that name the user who called root: by `sudo(8)`, `pkexec(1)` and `doas(1)`.
    pub const CALLED: &'static [&'static str] = &["SUDO_UID", "PKEXEC_UID", "DOAS_USER"];

    /// The variables that name proxies. An upper-case `HTTP_PROXY` is among them, though some clients do not obey it (`CGI`
    /// programs get request headers by such names).
    pub const PROXIES: &'static [&'static str] =
        &["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];

    /// The variables that tell Compose which files and profiles are meant.
    pub const COMPOSE: &'static [&'static str] = &["COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR", "COMPOSE_PROFILES"];

    /// Every variable that matters.
    pub fn variables() -> impl Iterator<Item = &'static str> {
        Self::FOLDERS
            .iter()
            .chain(Self::CALLED)
            .chain(Self::PROXIES)
            .chain(Self::COMPOSE)
            .chain(&[Self::STAMP, Self::AUTH])
            .copied()
    }

    /// What a variable holds; `None` where it is empty.
    pub fn variable(&self, name: &str) -> Option<&Text> {
        self.environment.get(name).filter(|value| !value.is_empty())
    }
}

/// The variables without what nobody else is to know.
fn without_secrets<S: Serializer>(environment: &BTreeMap<String, Text>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(environment.iter().filter(|(name, _)| *name != Caller::AUTH))
}

#[cfg(test)]
mod tests {
    use super::Caller;
    use crate::{ProcessId, Text};

    #[test]
    fn a_password_is_not_handed_on() {
        let environment = [(Caller::AUTH, "ana:swordfish"), ("HOME", "/home/ana")];
        let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), Text::from(value))).collect();
        let caller = Caller { process: ProcessId { pid: 1, started_ticks: 1 }, uid: 1, cwd: None, environment, session: None };
        let text = serde_json::to_string(&caller).unwrap();
        assert!(!text.contains("swordfish") && text.contains("/home/ana"), "{text}");
        let again: Caller = serde_json::from_str(&text).unwrap();
        assert!(again.variable("HOME").is_some() && again.variable(Caller::AUTH).is_none());
    }
}
