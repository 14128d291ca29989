//! The tour of a first connection: its steps, as their files in `tour/` declare them, and what is seen at each.

use portward_model::Socket;
use serde::{Deserialize, Serialize};

use crate::Lab;

/// One step of the tour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TourStep {
    /// Its name, in kebab-case.
    pub name: String,
    /// What happens, in a few words.
    pub title: String,
    /// What it means, for somebody who sees it for the first time.
    pub text: String,
    /// What is done: the name of a process, a call and its argument.
    #[serde(default)]
    pub acts: Vec<String>,
    /// How many packets are waited for once it is done.
    #[serde(default)]
    pub awaits: usize,
    /// How many of the packets that were seen and not yet shown are shown; all where it is left out.
    pub packets: Option<usize>,
    /// Whether the sockets are shown.
    #[serde(default = "yes")]
    pub sockets: bool,
    /// Whether the way is shown that a packet to the server takes.
    #[serde(default)]
    pub route: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    step: Vec<TourStep>,
}

/// What the kernel said at a step.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TourSight {
    /// The calls that were made, as `strace` writes them, each after the name of its process.
    pub calls: Vec<String>,
    /// The TCP sockets of the tour's network, as `sock_diag(7)` lists them, each with the process that holds it.
    pub sockets: Vec<(Socket, Option<u32>)>,
    /// IP packets that arrived at `lo` and were not shown before, in order.
    pub packets: Vec<Vec<u8>>,
    /// The interface that the kernel routes a packet to the server through, where the step shows it.
    pub interface: Option<String>,
    /// Whether that route leads to the machine itself.
    pub local: bool,
}

/// Every step, in order. None is left out: a test reads them all.
pub fn steps() -> Vec<TourStep> {
    let groups = FILES.iter().filter_map(|text| toml::from_str::<Group>(text).ok());
    groups.flat_map(|group| group.step).collect()
}

/// The scene in which the tour takes place; no lab, for nothing is wrong in it.
pub(crate) fn scene() -> Option<Lab> {
    Lab::read(include_str!("../tour/scene.toml")).ok()
}

/// The scene's name.
pub(crate) const NAME: &str = "tour";

const FILES: &[&str] = &[
    include_str!("../tour/1-listen.toml"),
    include_str!("../tour/2-handshake.toml"),
    include_str!("../tour/3-accept.toml"),
    include_str!("../tour/4-data.toml"),
    include_str!("../tour/5-close.toml"),
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::{FILES, Group, scene, steps};

    #[test]
    fn every_file_is_read_and_every_step_is_whole() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tour");
        assert_eq!(fs::read_dir(folder).unwrap().count(), FILES.len() + 1, "the groups and the scene");
        let mut count = 0;
        for text in FILES {
            count += toml::from_str::<Group>(text).unwrap().step.len();
        }
        let steps = steps();
        assert_eq!(steps.len(), count);
        let names: BTreeSet<&str> = steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names.len(), count, "names are unique");
        let scene = scene().unwrap();
        for step in &steps {
            assert!(!step.title.trim().is_empty() && step.text.trim().len() > 80, "{}", step.name);
            for act in &step.acts {
                let who = act.split(' ').next();
                assert!(scene.services.iter().any(|service| Some(service.name.as_str()) == who), "{}: {act}", step.name);
            }
        }
        let awaited: usize = steps.iter().map(|step| step.awaits).sum();
        assert_eq!(awaited, 9, "three for the handshake, two each for the bytes and the two ends");
    }
}
