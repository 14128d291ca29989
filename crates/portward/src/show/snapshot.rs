//! The snapshot itself, which is JSON for people too, or where it was written to.

use portward_model::hint;

use std::io;

use portward_ops::{Document, op::snapshot::Taken, write_json};

use super::Show;
use crate::screen::Screen;

impl Show for Taken {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        let Some(path) = &self.written_to else {
            write_json(&Document::new(self), screen.out())?;
            return screen.line("");
        };
        let hint = hint!("portward list --from {}", path.as_path());
        let path = portward_sys::text_of(path);
        let sockets = self.snapshot.sockets.len();
        let processes = self.snapshot.processes.len();
        screen.line(&format!("{sockets} sockets and {processes} processes of {} are in {path}.", self.snapshot.host.name))?;
        screen.remark("", hint)?;
        super::gaps(screen, &self.gaps)
    }
}
