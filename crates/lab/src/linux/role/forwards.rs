//! `forwards`: passes each connection on to `to`. Where that refuses, it closes the connection, as tunnels do.

use std::{fs::File, io, thread, time::Duration};

use rustix::net::{Shutdown, SocketType, shutdown};

use super::{Role, ready, socket, stage::Stage};
use crate::LabError;

pub(super) const ROLE: Role = Role { name: "forwards", listens: true, keys: &["to"], play };

fn play(stage: &Stage) -> Result<(), LabError> {
    let to = stage.needed("to")?.to_owned();
    socket::place(&to)?;
    let listener = socket::listening(stage)?;
    ready();
    loop {
        let Some(near) = socket::next(&listener) else {
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        let to = to.clone();
        thread::spawn(move || forward(near, &to));
    }
}

fn forward(near: File, to: &str) -> Option<()> {
    let place = socket::place(to).ok()?;
    let far = place.socket(SocketType::STREAM).ok()?;
    if place.connect(&far).is_err() {
        let _ = shutdown(&near, Shutdown::Write);
        let _ = io::copy(&mut &near, &mut io::sink());
        return None;
    }
    let far = File::from(far);
    let (back, there) = (near.try_clone().ok()?, far.try_clone().ok()?);
    thread::spawn(move || pass(there, back));
    pass(near, far);
    Some(())
}

fn pass(mut from: File, mut to: File) {
    let _ = io::copy(&mut from, &mut to);
    let _ = shutdown(&to, Shutdown::Write);
}
