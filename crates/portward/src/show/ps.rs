//! Sessions: each project with its ports, below it the services and where they listen.

use std::io;

use portward_model::{Hint, Text};
use portward_ops::op::{
    ps::{Contained, Listening, Resting, Service, ServiceState, Session, Sessions, Unknown},
    up::State,
};

use super::Show;
use crate::screen::{Screen, Tone};

impl Show for Sessions {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        for session in &self.sessions {
            head(screen, session)?;
            session.services.iter().try_for_each(|service| running(screen, service))?;
            session.resting.iter().try_for_each(|resting| rest(screen, resting))?;
        }
        for Unknown { word, near } in &self.unknown {
            let near = (!near.is_empty()).then(|| Hint::listing("near: ", near));
            screen.remark(&format!("No service and no project is called {}.", Text::from(word.as_str())), near)?;
        }
        if self.sessions.is_empty() && self.unknown.is_empty() {
            screen.remark("Nothing runs in a session.", "portward run CMD")?;
        }
        for session in self.sessions.iter().filter(|session| session.keeper.as_ref().is_some_and(|keeper| !keeper.lives)) {
            let name = session.project.as_ref().map_or_else(|| "a folder outside any project".to_owned(), Text::shown);
            let told = format!("The keeper of {name}'s services was killed: {}.", left(session));
            screen.remark(&told, "portward up --detach    takes them up again; portward down ends them")?;
        }
        if self.lost > 0 {
            let words = if self.lost == 1 { "1 supervisor has" } else { "Supervisors have" };
            screen.remark(&format!("{words} ended before its programs; these can bind, listen and connect no more."), ())?;
        }
        super::gaps(screen, &self.gaps)
    }
}

fn head(screen: &mut Screen, session: &Session) -> io::Result<()> {
    let name = session.project.as_ref().map_or_else(|| "outside any project".to_owned(), Text::shown);
    let name = screen.paint(Tone::Label, &name);
    let root = session.root.as_ref().map(|root| format!("  {root}")).unwrap_or_default();
    let front = if session.front { "  has the front" } else { "" };
    screen.line(&format!("{name}  {}{root}{front}", session.ports))
}

fn running(screen: &mut Screen, service: &Service) -> io::Result<()> {
    let own = Text::from_shown(&service.name);
    let (tone, state) = match service.state {
        ServiceState::Running => (Tone::Plain, ""),
        ServiceState::Left => (Tone::Plain, "has ended, and left something running"),
        ServiceState::Starting => (Tone::Quiet, "starting"),
        ServiceState::Ready => (Tone::Good, "ready"),
        ServiceState::Failed => (Tone::Alarm, "failed: not ready in time"),
        ServiceState::Stopping => (Tone::Quiet, "stopping"),
    };
    let state = if state.is_empty() { String::new() } else { format!("  {}", screen.paint(tone, state)) };
    screen.line(&format!("  {own} (pid {}){state}", service.pid))?;
    service.listeners.iter().try_for_each(|listener| place(screen, listener))
}

fn place(screen: &mut Screen, listener: &Listening) -> io::Result<()> {
    let asked = listener.asked.as_ref().map(|asked| format!("asked {asked}   ")).unwrap_or_default();
    let reach = if listener.pinned { "" } else { "   the network can reach it" };
    let from = listener.from.as_ref().map(|root| format!("   from {root}")).unwrap_or_default();
    screen.line(&format!("    {asked}serves {}{from}{reach}", listener.place()))
}

/// What became of services whose keeper was killed, as the end of a sentence.
fn left(session: &Session) -> &'static str {
    let has = |container| session.resting.iter().any(|resting| resting.container == Some(container));
    if !session.services.is_empty() || has(Contained::Runs) {
        "they go on, and none is started again"
    } else if has(Contained::Unknown) {
        "whether they go on is not known, and none is started again"
    } else {
        "none of them goes on, and none is started again"
    }
}

fn rest(screen: &mut Screen, resting: &Resting) -> io::Result<()> {
    let name = Text::from(resting.name.as_str());
    let because = resting.because.as_ref().map(|because| format!(": {}", because.clause())).unwrap_or_default();
    let (tone, state) = match resting.state {
        State::Starting => (Tone::Quiet, "starting".to_owned()),
        State::Ready => (Tone::Good, "done".to_owned()),
        State::Restarting => (Tone::Notice, format!("restarting in {} s", resting.restarts_in_ms.unwrap_or(0).div_ceil(1000))),
        State::Failed => (Tone::Alarm, "failed".to_owned()),
        State::Stopping => (Tone::Quiet, "stopping".to_owned()),
        State::Stopped => (Tone::Quiet, "stopped".to_owned()),
    };
    let (tone, state) = match (resting.container, resting.state) {
        (Some(Contained::Runs), _) => (Tone::Notice, "runs on in its container, which nobody follows".to_owned()),
        // What was written down is how it was, and not how it is.
        (Some(Contained::Unknown), State::Ready) => (Tone::Notice, format!("was ready{because}")),
        (Some(Contained::Unknown), _) => (Tone::Notice, format!("was {state}{because}")),
        (_, State::Ready) => (tone, state),
        _ => (tone, format!("{state}{because}")),
    };
    let first = format!("  {name}  ");
    let wide = first.chars().count();
    screen.hung((&first, &" ".repeat(wide), wide), tone, &state)?;
    resting.listeners.iter().try_for_each(|listener| place(screen, listener))
}
