//! PHP at a shell, with the server that is built into it.

use super::{Kind, Program, Way};

pub(super) const PROGRAMS: &[Program] = &[Program {
    told: Way::After("-S", "localhost:{}"),
    seen: &[("php -S 0.0.0.0:8000 -t public", "php -S localhost:20300 -t public"), ("php artisan serve", "")],
    ..Program::named("php php5* php7* php8*", Kind::Runtime)
}];
