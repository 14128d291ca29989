//! Why a service has failed, as the doctor reads its last lines.

use portward_model::Hint;

use super::Service;
use crate::{Acts, Context, Op, Sink, op::doctor::Ask};

/// Adds the doctor's first cause and its first repair, where the last lines tell of a port.
pub(super) fn explain(cx: &Context<'_, Acts>, service: &mut Service) {
    let text: Vec<u8> = service.lines.iter().flat_map(|line| [line.raw(), b"\n"]).flatten().copied().collect();
    if portward_checks::read_paste(&text).is_none() {
        return;
    }
    let ask = Ask { text: Some(String::from_utf8_lossy(&text).into_owned()), ..Ask::default() };
    let Ok(examined) = ask.run(&cx.dials(), &mut Sink::new(&mut |_| true)) else { return };
    if let Some(cause) = examined.causes.first() {
        service.cause = Some(cause.summary.clone());
        service.hint = cause.remedies.first().map(|remedy| Hint::told(&remedy.title));
    }
}
