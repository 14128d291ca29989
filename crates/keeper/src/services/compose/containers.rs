//! How the containers of a service are, and their end.

use std::time::Duration;

use portward_model::Sentence;
use serde::Deserialize;

use super::{ComposeStack, TURN, complaint};

/// A container, as Compose tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Container {
    /// The service that it is of.
    pub service: String,
    /// `running`, `exited`, `created`, `restarting` and so on.
    pub state: String,
    /// What its healthcheck says: `starting`, `healthy`, `unhealthy`; empty where it has none.
    pub health: String,
    /// With what it ended.
    pub exit_code: i32,
}

impl Container {
    /// True while it runs.
    pub fn runs(&self) -> bool {
        matches!(self.state.as_str(), "running" | "restarting" | "paused")
    }

    /// One a line, or all in a list, as versions of Compose print them.
    fn read(text: &str) -> Vec<Self> {
        serde_json::from_str(text).unwrap_or_else(|_| text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

impl ComposeStack {
    /// The containers of a service, or of all of them, whether they run or not.
    ///
    /// # Errors
    /// Where the engine does not say.
    pub fn containers(&self, service: Option<&str>) -> Result<Vec<Container>, Sentence> {
        self.containers_within(service, PATIENCE)
    }

    /// The same, of an engine that has so long to answer.
    pub(crate) fn containers_within(&self, service: Option<&str>, patience: Duration) -> Result<Vec<Container>, Sentence> {
        let heard = self.ask(&["ps", "--all", "--format", "json"], patience)?;
        if !heard.succeeded {
            return Err(complaint(&heard).into());
        }
        let mut all = Container::read(&String::from_utf8_lossy(&heard.stdout));
        all.retain(|container| service.is_none_or(|service| container.service == service));
        Ok(all)
    }

    /// Ends a service's containers. They are given the time that their files say, unless `hurries`.
    ///
    /// # Errors
    /// Where the engine does not do it.
    pub fn stop(&self, service: &str, hurries: &(dyn Fn() -> bool + Sync)) -> Result<(), Sentence> {
        if self.containers(Some(service))?.iter().any(Container::runs) {
            self.calmly(&["stop", "--", service], service, hurries)?;
        }
        Ok(())
    }

    /// The same, and removes them; with the last of the stack its networks. Volumes stay.
    ///
    /// # Errors
    /// Where the engine does not do it.
    pub fn remove(&self, service: &str, hurries: &(dyn Fn() -> bool + Sync)) -> Result<(), Sentence> {
        if !self.containers(Some(service))?.is_empty() {
            self.calmly(&["rm", "--stop", "--force", "--", service], service, hurries)?;
        }
        // What starts meanwhile needs the network.
        let turn = self.folder.turn(TURN, LONGEST_TURN, hurries).map_err(|error| Sentence::from(error.to_string()))?;
        if turn.is_some() && self.containers(None)?.is_empty() { self.down() } else { Ok(()) }
    }

    /// Removes every container of the stack with its networks. Volumes stay.
    ///
    /// # Errors
    /// Where the engine does not do it.
    pub fn down(&self) -> Result<(), Sentence> {
        let heard = self.ask(&["down", "--remove-orphans"], LONGEST_STOP)?;
        if heard.succeeded { Ok(()) } else { Err(complaint(&heard).into()) }
    }

    /// Asks for an end; where that is hurried, what has not ended is killed meanwhile.
    fn calmly(&self, arguments: &[&str], service: &str, hurries: &(dyn Fn() -> bool + Sync)) -> Result<(), Sentence> {
        let heard = std::thread::scope(|scope| {
            let asking = scope.spawn(|| self.ask(arguments, LONGEST_STOP));
            while !asking.is_finished() {
                if hurries() {
                    let _ = self.ask(&["kill", "--", service], PATIENCE);
                    break;
                }
                portward_sys::step_aside(0);
            }
            asking.join().unwrap_or_else(|_| Err("Compose could not be asked.".into()))
        })?;
        if heard.succeeded { Ok(()) } else { Err(complaint(&heard).into()) }
    }
}

/// How long the engine has to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long containers have to end, whatever time their files give them.
const LONGEST_STOP: Duration = Duration::from_mins(3);
/// How long another removal is waited for.
const LONGEST_TURN: Duration = Duration::from_mins(3);

#[cfg(test)]
mod tests {
    use super::Container;

    #[test]
    fn every_version_prints_them_in_its_way() {
        let one = r#"{"ExitCode":3,"Health":"","ID":"52","Service":"db","State":"exited","Publishers":null}"#;
        let other = r#"{"ExitCode":0,"Health":"healthy","Service":"web","State":"running"}"#;
        for text in [format!("{one}\n{other}\n"), format!("[{one},{other}]")] {
            let all = Container::read(&text);
            assert_eq!((all.len(), all[0].exit_code, all[0].runs(), all[1].runs()), (2, 3, false, true), "{text}");
            assert_eq!((all[1].service.as_str(), all[1].health.as_str()), ("web", "healthy"));
        }
        assert_eq!(Container::read("no container"), []);
    }
}
