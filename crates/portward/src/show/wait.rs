//! Whether everything became ready.

use portward_model::hint;

use std::io;

use portward_ops::op::wait::Waited;

use super::Show;
use crate::screen::Screen;

impl Show for Waited {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        for endpoint in &self.endpoints {
            let state = if endpoint.ready { "ready" } else { "not ready" };
            screen.line(&format!("{} is {state} after {} ms: {}.", endpoint.endpoint, self.waited_ms, endpoint.saw))?;
        }
        if !self.ready {
            let first = self
                .endpoints
                .iter()
                .find(|endpoint| !endpoint.ready)
                .map(|endpoint| hint!("portward explain {}", endpoint.endpoint));
            screen.remark("The time is over.", first)?;
        }
        super::gaps(screen, &self.gaps)
    }
}
