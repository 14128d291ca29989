//! How processes fare: stopped, waiting in a call, busy, frozen.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use portward_model::{Seen, Vitals};
use portward_sys::this_machine;
use portward_testkit::{program, skip, until};
use rustix::process::{Pid, Signal, kill_process};

/// A child that is killed and reaped when the test is over.
struct Patient(Child);

impl Drop for Patient {
    fn drop(&mut self) {
        // They fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn python(code: &str) -> Option<Patient> {
    let mut child =
        Command::new(program("python3")?).args(["-c", code]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    Some(Patient(child))
}

fn vitals(pid: u32, over: Duration) -> Vitals {
    let read = this_machine().unwrap().vitals(&[pid], over).unwrap();
    assert_eq!(read.len(), 1);
    read.into_iter().next().unwrap()
}

#[test]
fn one_that_waits_in_accept() {
    let code = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print('ready', flush=True); s.accept()";
    let Some(patient) = python(code) else { return };
    let read = until("accept", || {
        let read = vitals(patient.0.id(), Duration::ZERO);
        // Its parts are read one after another, while it may still be on its way.
        let there = read.threads[0].argument == Some(3) && read.threads[0].waits_in.known().is_some_and(|name| !name.is_empty());
        there.then_some(read)
    });
    let thread = &read.threads[0];
    assert_eq!((thread.tid, &thread.syscall), (patient.0.id(), &Seen::Known(libc::SYS_accept4)));
    let known = thread.waits_in.known().unwrap().shown();
    assert!(known.contains("accept") || known.contains("csk"), "{known}");
    // A call of accept takes its number before it waits, and newer kernels count that.
    let listed = u32::try_from(fs::read_dir(format!("/proc/{}/fd", patient.0.id())).unwrap().count()).unwrap();
    let counted = *read.descriptors.known().unwrap();
    assert!(counted == listed || counted == listed + 1, "{counted} of {listed}");
    assert!(read.descriptor_limit.known().is_some_and(|limit| *limit > 4));
    assert_eq!((read.tracer, read.over_ms, read.no_new_privileges), (0, 0, false));
}

#[test]
fn one_that_is_stopped() {
    let Some(patient) = python("import signal; print('ready', flush=True); signal.pause()") else { return };
    let pid = Pid::from_raw(i32::try_from(patient.0.id()).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    until("a stop", || (vitals(patient.0.id(), Duration::ZERO).threads[0].state == 'T').then_some(()));
}

#[test]
fn one_that_is_busy() {
    let Some(patient) = python("print('ready', flush=True)\nwhile True: pass") else { return };
    // The machine may give it little: some time at all is what tells.
    let read = until("processor time", || {
        let read = vitals(patient.0.id(), Duration::from_millis(100));
        (read.busy_ms > 0).then_some(read)
    });
    assert!(read.over_ms >= 100);
    // One that is gone is left out.
    let pid = patient.0.id();
    drop(patient);
    assert!(this_machine().unwrap().vitals(&[pid], Duration::ZERO).unwrap().is_empty());
}

#[test]
fn one_that_is_frozen() {
    let Some((group, switch)) = Group::make() else {
        skip("control groups that this user may make, with a freezer");
        return;
    };
    let Some(patient) = python("import signal; print('ready', flush=True); signal.pause()") else { return };
    fs::write(group.0.join("cgroup.procs"), patient.0.id().to_string()).unwrap();
    assert_eq!(vitals(patient.0.id(), Duration::ZERO).frozen, Some(false));
    let thaw = Thaw(group.0.join(switch.0), switch.2);
    fs::write(group.0.join(switch.0), switch.1).unwrap();
    let read = until("the freeze", || Some(vitals(patient.0.id(), Duration::ZERO)).filter(|read| read.frozen == Some(true)));
    let name = read.frozen_group.unwrap().shown();
    assert!(group.0.to_string_lossy().ends_with(&name), "{name}");
    drop(thaw);
    drop(patient);
}

/// Thaws before the patient is killed: a process that the older freezer holds does not end.
struct Thaw(PathBuf, &'static str);

impl Drop for Thaw {
    fn drop(&mut self) {
        // Where it fails, the test fails next.
        let _ = fs::write(&self.0, self.1);
    }
}

/// A control group of this test.
struct Group(PathBuf);

impl Drop for Group {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // It fails while a process is still ending.
            until("an empty group", || fs::remove_dir(&self.0).ok());
        }
    }
}

/// The file that freezes, what freezes, and what thaws.
type Switch = (&'static str, &'static str, &'static str);

impl Group {
    fn make() -> Option<(Self, Switch)> {
        let name = format!("portward-test-{}", std::process::id());
        let switches: [(&str, Switch); 3] = [
            ("/sys/fs/cgroup", ("cgroup.freeze", "1", "0")),
            ("/sys/fs/cgroup/unified", ("cgroup.freeze", "1", "0")),
            ("/sys/fs/cgroup/freezer", ("freezer.state", "FROZEN", "THAWED")),
        ];
        switches.into_iter().find_map(|(mount, switch)| {
            let group = Self(PathBuf::from(mount).join(&name));
            if !PathBuf::from(mount).join("cgroup.procs").exists() || fs::create_dir(&group.0).is_err() {
                std::mem::forget(group);
                return None;
            }
            group.0.join(switch.0).exists().then_some((group, switch))
        })
    }
}
