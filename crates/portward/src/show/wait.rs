//! Whether everything became ready.

use portward_model::{Endpoint, capitalised, hint};

use std::io;

use portward_ops::op::wait::Waited;

use super::Show;
use crate::screen::Screen;

impl Show for Waited {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        if let Some(why) = &self.not_started {
            return screen.remark(&format!("portward: {}", capitalised(&why.to_string())), "the program's name, or its path");
        }
        for endpoint in &self.endpoints {
            let state = if endpoint.ready { "ready" } else { "not ready" };
            let meant = endpoint.meant.as_ref().map(|meant| format!(" ({})", meant.words())).unwrap_or_default();
            screen.line(&format!("{}{meant} is {state} after {} ms: {}.", endpoint.endpoint, self.waited_ms, endpoint.saw))?;
        }
        if !self.ready {
            // What is waited for may be more than an endpoint, of which nothing can be explained.
            let is_endpoint = |text: &&String| text.parse::<Endpoint>().is_ok();
            let first = self.endpoints.iter().find(|endpoint| !endpoint.ready).map(|endpoint| &endpoint.endpoint);
            let look = first.filter(is_endpoint).map(|endpoint| hint!("portward explain {}", endpoint));
            match &self.gone {
                Some(gone) => screen.remark(&format!("{}.", capitalised(&gone.to_string())), None)?,
                None => screen.remark("The time is over.", look)?,
            }
        }
        super::gaps(screen, &self.gaps)
    }
}
