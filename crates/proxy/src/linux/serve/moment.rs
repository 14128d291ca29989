//! The date that stands in every answer, written once a second.

use std::{
    cell::RefCell,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

thread_local! {
    static WRITTEN: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

/// Adds the date of now, as RFC 9110 section 5.6.7 has it.
pub(super) fn add_date(out: &mut Vec<u8>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    WRITTEN.with_borrow_mut(|(second, text)| {
        if *second != now {
            *second = now;
            *text = date(now);
        }
        out.extend_from_slice(text.as_bytes());
    });
}

/// A second as a date.
pub(super) fn date(second: u64) -> String {
    // The year 9999 is the last that a date of HTTP has.
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second.min(253_402_300_799)))
}
