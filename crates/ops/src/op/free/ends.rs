//! What ends with a process: the rest that it serves, who is connected, what runs below it.

use portward_checks::container_of_cgroup;
use portward_model::{Process, Sentence, SocketState};
use portward_sys::{Depth, StateSet};
use rustc_hash::FxHashSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::plan::Mark;
use crate::{
    Acts, Context, Look, View, pairs,
    target::{Target, endpoint_words},
};

/// What ends with one process, or stays behind without it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ends {
    /// The process's pid.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// Other endpoints that it alone serves.
    pub endpoints: Vec<String>,
    /// Clients that are connected to what it serves.
    pub clients: u32,
    /// Programs of this machine among them, with their pids.
    pub client_names: Vec<String>,
    /// Processes below it that are not stopped themselves: they may end with it, or stay behind.
    pub children: Vec<String>,
    /// Containers that run below it.
    pub containers: Vec<String>,
}

impl Ends {
    /// True where nothing but what was asked for ends.
    fn is_empty(&self) -> bool {
        self.endpoints.is_empty() && self.clients == 0 && self.children.is_empty() && self.containers.is_empty()
    }

    /// All of it in a sentence.
    pub fn sentence(&self) -> Sentence {
        let mut said: Vec<String> = Vec::new();
        if !self.endpoints.is_empty() {
            said.push(format!("also serves {}", listed(&self.endpoints)));
        }
        if self.clients > 0 {
            let names = if self.client_names.is_empty() { String::new() } else { format!(" ({})", listed(&self.client_names)) };
            let number = if self.clients == 1 { "1 client".to_owned() } else { format!("{} clients", self.clients) };
            said.push(format!("has {number} connected now{names}"));
        }
        if !self.containers.is_empty() {
            said.push(format!(
                "runs the container{} {}",
                if self.containers.len() == 1 { "" } else { "s" },
                listed(&self.containers)
            ));
        }
        if !self.children.is_empty() {
            said.push(format!("has {} below it", listed(&self.children)));
        }
        let said = match said.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{}, and {last}", rest.join(", ")),
            _ => said.join(""),
        };
        format!("{} (pid {}) {said}.", self.name, self.pid).into()
    }
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > MOST { format!("{shown} and {} more", names.len() - MOST) } else { shown }
}

/// What ends with these processes beside the endpoints that were asked for.
pub(super) fn of(cx: &Context<'_, Acts>, marks: &[Mark], asked: &[Target]) -> Vec<Ends> {
    if marks.is_empty() {
        return Vec::new();
    }
    let look = Look { states: StateSet::All, owners: Some(Depth::Processes), interfaces: false, ..Look::serving() };
    let view = look.take(cx.machine);
    let ending: FxHashSet<u32> = marks.iter().map(|mark| mark.process.pid).collect();
    let ends: Vec<Ends> = marks.iter().map(|mark| one(cx, &view, mark, &ending, asked)).collect();
    ends.into_iter().filter(|ends| !ends.is_empty()).collect()
}

fn one(cx: &Context<'_, Acts>, view: &View, mark: &Mark, ending: &FxHashSet<u32>, asked: &[Target]) -> Ends {
    let snapshot = &view.snapshot;
    let pid = mark.process.pid;
    let mut ends = Ends { pid, name: mark.name.clone(), ..Ends::default() };
    let is_asked = |index: usize| asked.iter().any(|target| target.serving(view).contains(&index));
    let mut served: Vec<usize> = Vec::new();
    for (index, socket) in snapshot.sockets.iter().enumerate().filter(|(_, socket)| socket.state.serves()) {
        let holders = snapshot.holders(index);
        // What somebody else holds as well goes on.
        let ends_too =
            holders.iter().any(|holding| holding.pid == pid) && holders.iter().all(|holding| ending.contains(&holding.pid));
        if !ends_too {
            continue;
        }
        served.push(index);
        let endpoint = endpoint_words(socket);
        if !is_asked(index) && !ends.endpoints.contains(&endpoint) && endpoint != "unix:" {
            ends.endpoints.push(endpoint);
        }
    }
    // A socket that several share is counted at the first of them.
    let is_first =
        |index: &usize| snapshot.holders(*index).iter().map(|holding| holding.pid).find(|pid| ending.contains(pid)) == Some(pid);
    served.retain(is_first);
    ends.clients = served.iter().filter_map(|index| view.clients(*index)).sum();
    if ends.clients > 0 {
        ends.client_names = clients(view, &served, ending);
    }
    let below = cx.machine.descendants(pid).unwrap_or_default();
    let processes = if below.is_empty() { Vec::new() } else { cx.machine.processes(&below).unwrap_or_default() };
    for process in processes.iter().filter(|process| below.contains(&process.id.pid) && !ending.contains(&process.id.pid)) {
        match process.cgroup.known().and_then(container_of_cgroup) {
            Some((runtime, id)) => {
                let name = format!("{runtime} {}", id.chars().take(12).collect::<String>());
                if !ends.containers.contains(&name) {
                    ends.containers.push(name);
                }
            }
            None => ends.children.push(named(process)),
        }
    }
    ends
}

/// Programs of this machine that are connected to these listeners.
fn clients(view: &View, served: &[usize], ending: &FxHashSet<u32>) -> Vec<String> {
    let snapshot = &view.snapshot;
    let mut names: Vec<String> = Vec::new();
    let listeners: Vec<_> = served.iter().filter_map(|index| snapshot.sockets.get(*index)).collect();
    for (index, socket) in snapshot.sockets.iter().enumerate() {
        if socket.state != SocketState::Established || names.len() > MOST {
            continue;
        }
        let accepted = listeners.iter().any(|listener| match (listener.port(), socket.address()) {
            (Some(port), Some(own)) => {
                socket.port() == Some(port) && listener.transport == socket.transport && listener.takes(own)
            }
            _ => listener.file().is_some() && listener.file() == socket.file(),
        });
        let other = accepted.then(|| pairs::other_end(view, index)).flatten().and_then(|other| view.first_owner(other));
        let name = other.filter(|pid| !ending.contains(pid)).and_then(|pid| snapshot.process(pid)).map(named);
        names.extend(name.filter(|name| !names.contains(name)));
    }
    names
}

fn named(process: &Process) -> String {
    format!("{} (pid {})", process.title(), process.id.pid)
}

/// Names that a sentence holds before it says how many more there are.
const MOST: usize = 4;

#[cfg(test)]
mod tests {
    use super::Ends;

    #[test]
    fn all_that_ends_is_one_sentence() {
        let ends = Ends {
            pid: 7,
            name: "vite".to_owned(),
            endpoints: ["24678", "unix:/run/v.sock", "1", "2", "3"].map(str::to_owned).to_vec(),
            clients: 1,
            client_names: vec!["firefox (pid 9)".to_owned()],
            children: vec!["esbuild (pid 8)".to_owned()],
            containers: Vec::new(),
        };
        let said = "vite (pid 7) also serves 24678, unix:/run/v.sock, 1, 2 and 1 more, has 1 client connected now (firefox (pid 9)), \
                    and has esbuild (pid 8) below it.";
        assert_eq!(ends.sentence().to_string(), said);
        let one = Ends { pid: 7, name: "vite".to_owned(), clients: 3, ..Ends::default() };
        assert_eq!(one.sentence().to_string(), "vite (pid 7) has 3 clients connected now.");
    }
}
