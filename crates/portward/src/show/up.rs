//! Services: what they write, each line behind its name, and how they are.

use std::io;

use portward_model::Text;
use portward_ops::op::up::{Service, ServiceLine, Services, State, Told};

use super::Show;
use crate::screen::{Screen, Tone};

impl Show for Told {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        if let Some(line) = &self.line {
            return written(screen, (&self.service, line), self.place, self.column);
        }
        let prefix = if self.service.is_empty() { String::new() } else { prefix(screen, &self.service, self.place, self.column) };
        let hint = |hint: &Option<portward_model::Hint>| hint.as_ref().map(|hint| format!("   hint: {hint}")).unwrap_or_default();
        if let Some(said) = &self.said {
            let said = screen.paint(Tone::Notice, &format!("{said}{}", hint(&self.hint)));
            screen.line(&format!("{prefix}{said}"))?;
        }
        let Some(service) = &self.state else { return Ok(()) };
        let words = screen.paint(tone(service.state), &words(service));
        screen.line(&format!("{prefix}{words}"))?;
        if let Some(cause) = &service.cause {
            let cause = screen.paint(Tone::Notice, &format!("{cause}{}", hint(&service.hint)));
            screen.line(&format!("{prefix}{cause}"))?;
        }
        Ok(())
    }
}

impl Show for ServiceLine {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        written(screen, (&self.service, &self.line), self.place, self.column)
    }
}

impl Show for Services {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        let column = self.services.iter().map(|service| shown(&service.name).chars().count()).max().unwrap_or(0);
        for service in &self.services {
            let name = screen.paint(Tone::Label, &format!("{:<column$}", shown(&service.name))) + "  ";
            let further = " ".repeat(column + 2);
            screen.hung((&name, &further, column + 2), tone(service.state), &words(service))?;
            for line in &service.lines {
                let line = screen.paint(Tone::Quiet, &printed(line));
                screen.line(&format!("{:<column$}  | {line}", ""))?;
            }
            if let Some(cause) = &service.cause {
                screen.remark(&format!("{}: {cause}", shown(&service.name)), service.hint.clone())?;
            }
            for pid in &service.left {
                screen.remark(&format!("Pid {pid} of {} still lives.", shown(&service.name)), ())?;
            }
        }
        for name in &self.unknown {
            screen.remark(&format!("No service that is up is called {}.", Text::from(name.as_str())), "portward ps")?;
        }
        for port in &self.held {
            screen.remark(
                &format!("Port {port} is still served, by something that is no service."),
                portward_model::hint!("portward {}", port),
            )?;
        }
        match (self.down, self.services.is_empty() && self.unknown.is_empty()) {
            (true, true) => screen.remark("No service of this project is up.", "portward up")?,
            (true, false) => screen.remark("No process and no port of them is left.", ())?,
            (false, _) => {}
        }
        super::gaps(screen, &self.gaps)
    }
}

/// A line behind the name of who wrote it.
fn written(screen: &mut Screen, (service, line): (&str, &Text), place: usize, column: usize) -> io::Result<()> {
    let prefix = prefix(screen, service, place, column);
    screen.line(&format!("{prefix}{}", printed(line)))
}

/// A line as it is printed: a backslash of its own stays one, since it is text and no name.
fn printed(line: &Text) -> String {
    line.plain().map_or_else(|| line.shown(), str::to_owned)
}

fn prefix(screen: &mut Screen, service: &str, place: usize, column: usize) -> String {
    let name = shown(service);
    screen.paint(Tone::beside(place), &format!("{name:<column$} |")) + " "
}

fn shown(name: &str) -> String {
    Text::from(name).shown()
}

fn tone(state: State) -> Tone {
    match state {
        State::Ready => Tone::Good,
        State::Failed => Tone::Alarm,
        State::Restarting => Tone::Notice,
        State::Starting | State::Stopping | State::Stopped => Tone::Quiet,
    }
}

/// How a service is, in a line.
pub(super) fn words(service: &Service) -> String {
    let because = service.because.as_ref().map(|because| format!(": {}", because.clause())).unwrap_or_default();
    let pid = service.pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
    match service.state {
        State::Starting => format!("starting{pid}{because}"),
        State::Ready => {
            let place = service.url.clone().or_else(|| service.serves.clone());
            let at = place.map(|place| format!(" at {place}")).unwrap_or_default();
            let asked =
                service.asked.filter(|_| service.serves.is_some()).map(|asked| format!(", asked {asked}")).unwrap_or_default();
            format!("ready{at}{asked}{pid}{because}")
        }
        State::Restarting => {
            let rest = service.restarts_in_ms.unwrap_or(0).div_ceil(1000);
            format!("restarting in {rest} s{because}")
        }
        State::Failed => format!("failed{pid}{because}"),
        State::Stopping => format!("stopping{pid}"),
        State::Stopped => format!("stopped{}{because}", if service.killed { ", by SIGKILL" } else { "" }),
    }
}

#[cfg(test)]
mod tests {
    use portward_ops::op::up::Services;
    use serde_json::json;

    use super::Show;
    use crate::screen::Screen;

    #[test]
    fn a_long_reason_is_broken_under_itself() {
        let because = "It is not ready after 60 s: nothing of it listens at 4001, and what it wrote last says no more than that";
        let service = json!({ "name": "web", "state": "failed", "pid": null, "asked": 4001, "serves": null, "url": null,
            "because": because, "attempts": 1, "restarts_in_ms": null });
        let services = json!({ "services": [service], "unknown": [], "down": false, "held": [], "gaps": [] });
        let services: Services = serde_json::from_value(services).unwrap();
        let (mut screen, paper) = Screen::paper(Some(60), false);
        services.show(&mut screen).unwrap();
        screen.flush().unwrap();
        let text = String::from_utf8(paper.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() > 1 && lines.iter().all(|line| line.chars().count() <= 60), "{text}");
        assert!(lines[0].starts_with("web  failed: ") && lines[1..].iter().all(|line| line.starts_with("     ")), "{text}");
        let joined = lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        assert!(joined.ends_with("no more than that"), "{text}");
    }
}
