//! gunicorn, which takes its socket from whoever starts it (`sd_listen_fds(3)`).

use super::{Kind, Program, Way};

pub(super) const PROGRAMS: &[Program] = &[Program {
    told: Way::Socket(&[]),
    sockets: &["gunicorn"],
    seen: &[("gunicorn: master [shop]", ""), ("gunicorn app:app", "gunicorn app:app [socket]")],
    ..Program::named("gunicorn", Kind::Master)
}];
