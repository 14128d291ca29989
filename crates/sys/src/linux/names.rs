//! What a name means, by the system's resolver.

use std::{
    io,
    net::{IpAddr, ToSocketAddrs},
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::Duration,
};

use crate::SysError;

/// All addresses of a name, in the resolver's order, however long it looks for them.
pub(super) fn resolve(name: &str) -> Result<Vec<IpAddr>, SysError> {
    looked_up(name).map_err(|source| SysError::Resolve { name: name.to_owned(), source })
}

fn looked_up(name: &str) -> io::Result<Vec<IpAddr>> {
    let mut seen = Vec::new();
    for address in (name, 0).to_socket_addrs()?.map(|address| address.ip()) {
        if !seen.contains(&address) {
            seen.push(address);
        }
    }
    Ok(seen)
}

type Search = Receiver<io::Result<Vec<IpAddr>>>;

/// Searches that nobody has the answer of yet. The resolver cannot be called off, so a search is a thread that is left alone,
/// and one goes on for each name.
static SEARCHES: Mutex<Vec<(String, Search)>> = Mutex::new(Vec::new());

/// The same by a time, however long the resolver looks: a server of names that does not answer holds up nobody.
pub(super) fn resolve_soon(name: &str, patience: Duration) -> Result<Vec<IpAddr>, SysError> {
    let searches = || SEARCHES.lock().unwrap_or_else(PoisonError::into_inner);
    let known = {
        let mut searches = searches();
        let at = searches.iter().position(|(known, _)| known == name);
        at.map(|at| searches.swap_remove(at).1)
    };
    let search = known.unwrap_or_else(|| {
        let (tell, search) = channel();
        let name = name.to_owned();
        thread::spawn(move || {
            // Nobody may want it any more.
            let _ = tell.send(looked_up(&name));
        });
        search
    });
    let answer = match search.recv_timeout(patience) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => {
            searches().push((name.to_owned(), search));
            Err(io::ErrorKind::TimedOut.into())
        }
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the search ended without an answer")),
    };
    answer.map_err(|source| SysError::Resolve { name: name.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{SEARCHES, resolve, resolve_soon};

    #[test]
    fn a_search_that_takes_longer_is_gone_on_with() {
        // No time at all: the answer cannot be there yet, or it is.
        let _ = resolve_soon("127.0.0.7", Duration::ZERO);
        assert_eq!(resolve_soon("127.0.0.7", Duration::from_mins(1)).unwrap(), resolve("127.0.0.7").unwrap());
        assert!(SEARCHES.lock().unwrap().iter().all(|(name, _)| name != "127.0.0.7"));
        assert!(resolve_soon("a name", Duration::from_mins(1)).is_err());
    }
}
