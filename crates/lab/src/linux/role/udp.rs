//! `udp`: receives datagrams at `listen`, and sends each back unless `answers` is false.

use rustix::net::{RecvFlags, SendFlags, SocketType, recvfrom, sendto};

use super::{Role, ready, socket, stage::Stage};
use crate::{LabError, error::While};

pub(super) const ROLE: Role =
    Role { name: "udp", listens: false, keys: &["listen", "v6only", "reuseaddr", "reuseport", "answers"], play };

fn play(stage: &Stage) -> Result<(), LabError> {
    let socket = socket::bound(stage, SocketType::DGRAM)?;
    let answers = stage.flag("answers", true)?;
    ready();
    let mut heard = [0; 2048];
    loop {
        let (length, _, from) = recvfrom(&socket, &mut heard, RecvFlags::empty()).or_say(|| "receive".to_owned())?;
        if let (true, Some(from), Some(bytes)) = (answers, from, heard.get(..length)) {
            let _ = sendto(&socket, bytes, SendFlags::empty(), &from);
        }
    }
}
