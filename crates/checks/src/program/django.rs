//! Django, whose development server is a command of the project's own `manage.py`.

use super::{Kind, Program, Way};

pub(super) const PROGRAMS: &[Program] = &[Program {
    told: Way::Last("runserver", "127.0.0.1:{}"),
    allows: "ALLOWED_HOSTS = ['HOST']",
    seen: &[("python manage.py runserver", "python manage.py runserver 127.0.0.1:20300")],
    ..Program::named("manage manage.py django django-admin", Kind::DevServer)
}];
