//! The Linux body of [`Examine`].

use std::time::Duration;

use portward_model::{
    Counters, FirewallRule, HostsLine, Mention, NetworkSettings, Observed, PathFacts, Process, ProxySetting, Seen, Text, Told,
    Vitals,
};

use super::{Linux, counters, dial, firewall, mentions, observe, processes, standing, surroundings, told, vitals};
use crate::{Dial, Dialled, Examine, SysError};

impl Examine for Linux {
    fn every_process(&self) -> Result<Vec<Process>, SysError> {
        processes::read(&processes::pids()?)
    }

    fn vitals(&self, pids: &[u32], over: Duration) -> Result<Vec<Vitals>, SysError> {
        vitals::read(pids, over)
    }

    fn counters(&self) -> Result<Counters, SysError> {
        counters::read()
    }

    fn network(&self) -> Result<NetworkSettings, SysError> {
        surroundings::network()
    }

    fn hosts(&self) -> Result<Vec<HostsLine>, SysError> {
        surroundings::hosts()
    }

    fn proxies(&self) -> Vec<ProxySetting> {
        surroundings::proxies()
    }

    fn path(&self, path: &Text) -> Result<PathFacts, SysError> {
        Ok(standing::at(path))
    }

    fn told(&self, processes: &[Process], port: u16) -> Result<Vec<Told>, SysError> {
        Ok(told::read(processes, port))
    }

    fn mentions(&self, folders: &[Text], ports: &[u16]) -> Result<Vec<Mention>, SysError> {
        Ok(mentions::read(folders, ports))
    }

    fn firewall(&self) -> Result<Seen<Vec<FirewallRule>>, SysError> {
        Ok(firewall::rules())
    }

    fn dial(&self, dial: Dial<'_>) -> Result<Dialled, SysError> {
        dial::dial(dial)
    }

    fn observe(&self, command: &[String], patience: Duration) -> Result<Observed, SysError> {
        observe::run(command, patience)
    }

    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}
