//! Pages that load anew when a file changes: a script of ours in them listens to a stream of changes (server-sent events).

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Where the script is.
pub(super) const SCRIPT_PATH: &[u8] = b".portward/reload.js";
/// Where it listens.
pub(super) const STREAM_PATH: &[u8] = b".portward/changes";
/// What stands in a page to load it.
pub(super) const SCRIPT_TAG: &str = "<script src=\"/.portward/reload.js\"></script>";

/// The script. A style sheet is loaded in place; for everything else the page is loaded anew, and also when the server has come back.
pub(super) const SCRIPT: &str = "\
(() => {
  if (window.__portwardReload) return;
  window.__portwardReload = true;
  let lost = false;
  const stream = new EventSource('/.portward/changes');
  stream.onopen = () => { if (lost) location.reload(); };
  stream.onerror = () => { lost = true; };
  stream.addEventListener('style', () => {
    for (const link of document.querySelectorAll('link[rel~=stylesheet]')) {
      const url = new URL(link.href, location.href);
      if (url.origin !== location.origin) continue;
      url.searchParams.set('portward', Date.now());
      link.href = url.href;
    }
  });
  stream.addEventListener('page', () => location.reload());
  addEventListener('pagehide', () => stream.close());
})();
";

/// What has changed so far, and who waits for more.
#[derive(Debug, Default)]
pub(super) struct Hub {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Counts the changes, those of style sheets alone too.
    changes: u64,
    /// The last one that was more than style sheets.
    page: u64,
    over: bool,
}

/// What a page is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// To load its style sheets anew.
    Style,
    /// To load anew.
    Page,
    /// Nothing has changed.
    None,
    /// The server ends.
    Over,
}

impl Hub {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of files that have changed.
    pub(super) fn changed(&self, paths: &[Vec<u8>]) {
        let mut state = self.locked();
        state.changes += 1;
        if !paths.iter().all(|path| path.ends_with(b".css")) {
            state.page = state.changes;
        }
        self.news.notify_all();
    }

    /// Nobody waits any more.
    pub(super) fn end(&self) {
        self.locked().over = true;
        self.news.notify_all();
    }

    /// The number of changes so far.
    pub(super) fn now(&self) -> u64 {
        self.locked().changes
    }

    /// Waits for what came after so many changes.
    pub(super) fn wait(&self, seen: &mut u64, time: Duration) -> News {
        let state = self.locked();
        let waited = self.news.wait_timeout_while(state, time, |state| state.changes == *seen && !state.over);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        let news = if state.over {
            News::Over
        } else if state.page > *seen {
            News::Page
        } else if state.changes > *seen {
            News::Style
        } else {
            News::None
        };
        *seen = state.changes;
        news
    }
}

/// A page with the script in it: before the end of its body, or at its own end.
pub(super) fn with_script(mut page: Vec<u8>) -> Vec<u8> {
    let end = b"</body";
    let at = page.windows(end.len()).rposition(|window| window.eq_ignore_ascii_case(end)).unwrap_or(page.len());
    page.splice(at..at, SCRIPT_TAG.bytes());
    page
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Hub, News, with_script};

    #[test]
    fn pages_are_told_once() {
        let hub = Hub::default();
        let mut seen = hub.now();
        let soon = Duration::from_millis(1);
        assert_eq!(hub.wait(&mut seen, soon), News::None);
        hub.changed(&[b"a/x.css".to_vec()]);
        assert_eq!(hub.wait(&mut seen, soon), News::Style);
        assert_eq!(hub.wait(&mut seen, soon), News::None);
        hub.changed(&[b"x.css".to_vec(), b"index.html".to_vec()]);
        hub.changed(&[b"x.css".to_vec()]);
        assert_eq!(hub.wait(&mut seen, soon), News::Page);
        hub.end();
        assert_eq!(hub.wait(&mut seen, soon), News::Over);
    }

    #[test]
    fn the_script_stands_before_the_end_of_the_body() {
        let with = |page: &str| String::from_utf8(with_script(page.as_bytes().to_vec())).unwrap();
        assert_eq!(with("<p>a</BODY></html>"), "<p>a<script src=\"/.portward/reload.js\"></script></BODY></html>");
        assert_eq!(with("a"), "a<script src=\"/.portward/reload.js\"></script>");
        assert!(with("").starts_with("<script"));
    }
}
