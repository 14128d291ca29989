//! `binds`: what is left of a server. It takes where it listened, and `leaves`:
//!
//! - `path`: a Unix path without a listener; the process ends
//! - `time-wait`: a connection that it closed first, and no listener; the process ends
//! - `connection`: a connection that it still holds, without a listener

use std::{fs::File, io::Read};

use rustix::net::{SocketType, accept};

use super::{Role, ready, sleep_for_good, socket, stage::Stage};
use crate::{LabError, error::While};

pub(super) const ROLE: Role = Role { name: "binds", listens: true, keys: &["leaves"], play };

fn play(stage: &Stage) -> Result<(), LabError> {
    let leaves = stage.needed("leaves")?;
    if leaves == "path" {
        let _bound = socket::bound(stage, SocketType::STREAM)?;
        ready();
        return Ok(());
    }
    let listener = socket::listening(stage)?;
    let place = socket::place(stage.needed("listen")?)?;
    let doing = || "connect to itself".to_owned();
    let client = place.socket(SocketType::STREAM).or_say(doing)?;
    place.connect(&client).or_say(doing)?;
    let server = accept(&listener).or_say(doing)?;
    drop(listener);
    match leaves {
        "time-wait" => {
            drop(server);
            // The end of the server's side arrives first, so that the server's side is the one that waits.
            let _ = File::from(client).read(&mut [0; 16]);
            ready();
            Ok(())
        }
        "connection" => {
            ready();
            sleep_for_good()
        }
        other => Err(LabError::new(format!("binds leaves no `{other}`"))),
    }
}
