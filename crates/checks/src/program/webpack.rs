//! webpack and its development server.

use super::{Kind, Program, Way};

pub(super) const PROGRAMS: &[Program] = &[Program {
    told: Way::Flags(&["--port", "{}"]),
    address: "webpack serve --host HOST",
    allows: "devServer.allowedHosts: ['HOST']",
    files: &["webpack.config."],
    seen: &[("webpack serve", "webpack serve --port 20300")],
    ..Program::named("webpack webpack-dev-server", Kind::DevServer)
}];
