//! Many processes at once: a hundred that take leases, the same while half of them are killed, and one that is stopped.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // Tests make the machine that they look at.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test ends where something unexpected is, and figures are said.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use portward_model::{Project, ProjectIdentity, Text};
use portward_store::Store;
use portward_sys::{FileMark, StateFolder, SystemClock, this_caller, this_machine};

const PROCESSES: usize = 100;
const REQUESTS: u16 = 10;
/// Projects that the processes share.
const PROJECTS: usize = 10;

/// What one process said: the port for each project and asked port, and how long each request took.
#[derive(Default)]
struct Said {
    leases: Vec<((usize, u16), u16)>,
    micros: Vec<u64>,
}

#[test]
fn a_thousand_requests_of_a_hundred_processes() {
    let home = tempfile::tempdir().unwrap();
    let mut said = Said::default();
    let begun = Instant::now();
    let children: Vec<_> = (0..PROCESSES).map(|number| start(home.path(), number)).collect();
    let ends = together(children, &[]);
    let took = begun.elapsed();
    for (number, (own, ended_well)) in ends.into_iter().enumerate() {
        assert!(ended_well, "process {number} failed");
        assert_eq!(own.leases.len(), usize::from(REQUESTS), "process {number}");
        said.leases.extend(own.leases);
        said.micros.extend(own.micros);
    }
    agree(home.path(), &said.leases);
    said.micros.sort_unstable();
    let at = |part: usize| said.micros[said.micros.len() * part / 1000];
    println!(
        "{} requests of {PROCESSES} processes: p50 {} us, p90 {} us, p99 {} us, slowest {} us; all processes together {} ms",
        said.micros.len(),
        at(500),
        at(900),
        at(990),
        said.micros.last().unwrap(),
        took.as_millis()
    );
}

/// `PORTWARD_ROUNDS=200` for the long form.
#[test]
fn nothing_is_lost_when_half_of_the_processes_are_killed() {
    let rounds: usize = std::env::var("PORTWARD_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    let processes = if rounds > 3 { PROCESSES } else { 24 };
    let home = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for round in 0..rounds {
        // A new beginning now and then, so that processes die while the store is made, too.
        if round % 5 == 0 {
            let _ = std::fs::remove_dir_all(home.path().join(".local"));
            all.clear();
        }
        let children: Vec<_> = (0..processes).map(|number| start(home.path(), round * 7 + number)).collect();
        let doomed: Vec<usize> = (0..processes).filter(|number| (number + round) % 2 == 0).collect();
        for (number, (said, ended_well)) in together(children, &doomed).into_iter().enumerate() {
            assert!(ended_well || doomed.contains(&number), "process {number} of round {round} failed");
            all.extend(said.leases);
        }
        agree(home.path(), &all);
        if round % 20 == 19 {
            println!("{} rounds", round + 1);
        }
    }
}

#[test]
fn a_stopped_maker_keeps_nobody_waiting_for_ever() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join(".local/state/portward");
    std::fs::create_dir_all(&state).unwrap();
    // The turn to make a store is held, as by a process that was stopped in the middle of it.
    let lock = std::fs::File::create(state.join("leases.lock")).unwrap();
    lock.lock().unwrap();
    let ends = together(vec![start(home.path(), 0)], &[]);
    assert!(ends.iter().all(|(said, ended_well)| *ended_well && said.leases.len() == usize::from(REQUESTS)));
    lock.unlock().unwrap();
}

/// One of the processes: takes leases of a project when its standard input ends, and says each at once.
#[test]
#[ignore = "a part of the other tests, which start it"]
fn child() {
    let number: usize = std::env::var("PORTWARD_CHILD").unwrap().parse().unwrap();
    let directory = std::env::var("HOME").unwrap();
    println!("\nREADY");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    let host = this_machine().unwrap();
    let project = number % PROJECTS;
    let root = Path::new(&directory).join(format!("project-{project}"));
    std::fs::create_dir_all(&root).unwrap();
    let text = Text::from(root.to_str().unwrap());
    let identity = ProjectIdentity {
        project: Project { root: text.clone(), name: text.clone(), branch: None, worktree: None, script: None },
        common: Some(text),
        folder: FileMark::folder(&root),
    };
    // Processes of one project ask for some of the same ports.
    let first = 3000 + u16::try_from(number / PROJECTS).unwrap() % 7 * 5;
    let mut begun = Instant::now();
    let mut store = Store::open_in(host.as_ref(), &SystemClock, StateFolder::find(&this_caller())).unwrap();
    let row = store.project(Some(&identity)).unwrap();
    for asked in first..first + REQUESTS {
        let lease = store.lease(row.id, asked).unwrap();
        let micros = begun.elapsed().as_micros();
        println!("\nLEASE {project} {asked} {} {micros}", lease.port);
        std::io::stdout().flush().unwrap();
        begun = Instant::now();
    }
}

/// A process that waits for the end of its standard input.
fn start(home: &Path, number: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
        .env_clear()
        .envs([("HOME", home.to_str().unwrap()), ("PORTWARD_CHILD", number.to_string().as_str())])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// Lets all processes begin at once, kills the doomed ones in the middle of their work, and gathers what was said.
fn together(mut children: Vec<Child>, doomed: &[usize]) -> Vec<(Said, bool)> {
    let (tell, told) = mpsc::channel::<()>();
    let (ready, readies) = mpsc::channel::<()>();
    let readers: Vec<_> = children
        .iter_mut()
        .map(|child| {
            let (out, tell, ready) = (child.stdout.take().unwrap(), tell.clone(), ready.clone());
            thread::spawn(move || {
                let mut said = Said::default();
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    if line == "READY" {
                        let _ = ready.send(());
                    }
                    let words: Vec<&str> = line.split(' ').collect();
                    // A line that was cut by a kill was not said.
                    if let ["LEASE", project, asked, port, micros] = words.as_slice()
                        && let Ok(micros) = micros.parse()
                    {
                        said.leases.push(((project.parse().unwrap(), asked.parse().unwrap()), port.parse().unwrap()));
                        said.micros.push(micros);
                        let _ = tell.send(());
                    }
                }
                said
            })
        })
        .collect();
    for _ in &children {
        readies.recv_timeout(Duration::from_mins(1)).unwrap();
    }
    let inputs: Vec<_> = children.iter_mut().map(|child| child.stdin.take()).collect();
    drop(inputs);
    for number in doomed {
        // One more lease was taken by somebody: the next one dies at another place of its work.
        let _ = told.recv_timeout(Duration::from_secs(10));
        children[*number].kill().unwrap();
    }
    let ends: Vec<bool> = children.iter_mut().map(|child| child.wait().unwrap().success()).collect();
    readers.into_iter().map(|reader| reader.join().unwrap()).zip(ends).collect()
}

/// Everybody was told the same port for the same thing, no two things have one port, and the store says so too.
fn agree(home: &Path, said: &[((usize, u16), u16)]) {
    let mut ports: BTreeMap<(usize, u16), u16> = BTreeMap::new();
    for (what, port) in said {
        assert_eq!(*ports.entry(*what).or_insert(*port), *port, "{what:?} has two ports");
    }
    let distinct: BTreeSet<u16> = ports.values().copied().collect();
    assert_eq!(distinct.len(), ports.len(), "two things have one port");
    let host = this_machine().unwrap();
    let uid = host.facts().unwrap().uid;
    let folder = StateFolder::at(home.join(".local/state/portward"), uid);
    let kept: BTreeSet<u16> = match Store::reading_in(host.as_ref(), &SystemClock, folder).unwrap() {
        Some(store) => store.all().unwrap().into_iter().map(|row| row.port).collect(),
        None => BTreeSet::new(),
    };
    assert!(distinct.is_subset(&kept), "a lease that was given is lost: {:?}", distinct.difference(&kept));
}
