//! Where a folder is served, and a line for each request.

use std::io;

use portward_model::plural;
use portward_ops::op::serve::{Answered, Certified, Ended, Served, Told};

use super::Show;
use crate::screen::{Screen, Tone};

impl Show for Told {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        match self {
            Self::Serving(served) => served.show(screen),
            Self::Request(answered) => answered.show(screen),
        }
    }
}

impl Show for Served {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        for held in &self.held {
            screen.remark(&held.to_string(), "portward free PORT    ends what has it, where that is yours")?;
        }
        let url = screen.paint(Tone::Good, &self.url);
        screen.line(&format!("{}   {url}   serves {}", self.name, self.root))?;
        if let Some(certified) = &self.certified {
            certified.show(screen)?;
        }
        if self.unwatched > 0 {
            let count = plural(self.unwatched, "folder");
            screen.remark(&format!("{count} more than the system lets be watched: changes there load nothing anew."), ())?;
        }
        for reached in &self.reached {
            let url = screen.paint(Tone::Notice, &reached.url);
            screen.line(&format!("{}   {url}   the network reaches it here, by {}", self.name, reached.interface))?;
        }
        if self.certified.is_some() && !self.reached.is_empty() {
            screen.remark("Browsers elsewhere warn of its certificate, which is for this machine's own names alone.", CERT)?;
        }
        match self.reached.first() {
            Some(first) if self.qr => qr(screen, &first.url),
            Some(_) | None => Ok(()),
        }
    }
}

impl Show for Certified {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        match &self.anew {
            Some(why) if !self.trusted => {
                let words = format!("Your certificate authority was made anew, because {why}; nothing believes the new one yet.");
                screen.remark(&words, TRUST)
            }
            _ if !self.trusted => screen.remark("Browsers warn of its certificate: your authority is not trusted yet.", TRUST),
            _ => Ok(()),
        }
    }
}

/// A QR code of half blocks, dark on light whatever the terminal is: two rows of it in one line.
fn qr(screen: &mut Screen, text: &str) -> io::Result<()> {
    let Ok(code) = qrcode::QrCode::new(text) else { return Ok(()) };
    let (side, colors) = (code.width(), code.to_colors());
    let is_dark = |x: usize, y: usize| {
        let inside = (QUIET..side + QUIET).contains(&x) && (QUIET..side + QUIET).contains(&y);
        inside && colors.get((y - QUIET) * side + x - QUIET) == Some(&qrcode::Color::Dark)
    };
    let whole = side + 2 * QUIET;
    for y in (0..whole).step_by(2) {
        let cell = |x| match (is_dark(x, y), is_dark(x, y + 1)) {
            (true, true) => ' ',
            (true, false) => '\u{2584}',
            (false, true) => '\u{2580}',
            (false, false) => '\u{2588}',
        };
        screen.line(&(0..whole).map(cell).collect::<String>())?;
    }
    Ok(())
}

impl Show for Answered {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        let tone = match self.status {
            ..400 => Tone::Good,
            400..500 => Tone::Notice,
            500.. => Tone::Alarm,
        };
        let status = screen.paint(tone, &self.status.to_string());
        // The time of day is what a person compares with another log; the date stands in the JSON.
        let (time, took) = (self.at.time(), took(self.took_us));
        let what = if self.method.is_empty() { "(no request)".to_owned() } else { format!("{} {}", self.method, self.path) };
        screen.line(&format!("{time}Z  {status}  {what}  {} B  {took}", self.bytes))
    }
}

fn took(us: u64) -> String {
    match us {
        ..1000 => format!("{us} us"),
        1000..1_000_000 => format!("{} ms", us / 1000),
        _ => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}

impl Show for Ended {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        if self.untold > 0 {
            let count = usize::try_from(self.untold).unwrap_or(usize::MAX);
            screen.remark(&format!("{} not told of: the terminal was too slow.", plural(count, "request")), "--log errors")?;
        }
        if self.cut_off {
            screen.remark("Requests were in flight that did not end in time.", ())?;
        }
        Ok(())
    }
}

const CERT: &str = "--cert FILE --key FILE    one for the name that they use";
const TRUST: &str = "portward trust    has browsers and programs of this machine believe it";
/// Cells around a code.
const QUIET: usize = 2;
