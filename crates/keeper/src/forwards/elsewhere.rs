//! Sockets of other network namespaces: who makes them, and whether that may be.

use std::{
    ffi::OsString,
    os::fd::{AsFd, OwnedFd},
    process::ExitCode,
};

use portward_model::{Failure, Kind as FailureKind, Namespace, Own};
use portward_proxy::{Kind, Maker, Place, Stand, stand_made};
use portward_session::{handed_over, numbers_of};
use portward_sys::{Elsewhere, make_sockets};

/// Becomes what makes sockets in a namespace, if this process was started for that.
pub(super) fn entrance(arguments: &[OsString]) -> Option<ExitCode> {
    if arguments.get(1)?.to_str() != Some(Own::SOCKETS) {
        return None;
    }
    let way = arguments.get(2).and_then(|numbers| handed_over(numbers.to_str()?)).and_then(|mut ways| ways.pop());
    let namespace = arguments.get(3).and_then(|namespace| serde_json::from_str::<Namespace>(namespace.to_str()?).ok());
    let (Some(way), Some(namespace)) = (way, namespace) else { return Some(ExitCode::from(2)) };
    make_sockets(&way, &namespace);
    Some(ExitCode::SUCCESS)
}

/// Makes sockets of a namespace; what makes them ends with it.
///
/// # Errors
/// Where that namespace cannot be entered, with the right that it takes.
pub(super) fn maker(namespace: &Namespace) -> Result<Maker, Failure> {
    let mut elsewhere = begin(namespace).map_err(|error| refused(namespace, &error))?;
    Ok(Box::new(move |family, kind| elsewhere.socket(family, kind)))
}

/// Whether this process's user may make sockets in a namespace.
///
/// # Errors
/// Why not, with the right that it takes.
pub fn can_enter(namespace: &Namespace) -> Result<(), Failure> {
    begin(namespace).map(drop).map_err(|error| refused(namespace, &error))
}

/// Sockets at all of these places of another namespace, or at none of them.
///
/// # Errors
/// Where it cannot be entered; inside, the place that could not be had.
pub fn stand_elsewhere(
    namespace: &Namespace,
    (places, kind): (&[Place], Kind),
    mode: u32,
) -> Result<Result<Vec<OwnedFd>, Stand>, Failure> {
    let mut maker = maker(namespace)?;
    Ok(stand_made(places, kind, mode, &mut maker))
}

fn begin(namespace: &Namespace) -> std::io::Result<Elsewhere> {
    let (own, other) = Elsewhere::way()?;
    let told = serde_json::to_string(namespace)?;
    let ways = [other];
    let _child =
        portward_session::start_apart(&[Own::SOCKETS, &numbers_of(&ways), &told], std::iter::empty(), &[ways[0].as_fd()])?;
    drop(ways);
    own.entered()?;
    Ok(own)
}

fn refused(namespace: &Namespace, error: &std::io::Error) -> Failure {
    let name = namespace.name.as_ref().map_or_else(|| namespace.inode.to_string(), portward_model::Text::shown);
    let failure = Failure::system(format!("Network namespace {name} could not be entered: {error}."));
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        let words = "it takes CAP_SYS_ADMIN over it: the same command with sudo, or as the owner of its user namespace";
        return Failure { kind: FailureKind::Denied, ..failure }.hint(words);
    }
    failure
}
