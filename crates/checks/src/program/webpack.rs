//! webpack and its development server, alone and in what is built around it.

use super::{Kind, Program, Way, inside};

pub(super) const PROGRAMS: &[Program] = &[
    Program {
        told: Way::Flags(&["--port", "{}"]),
        address: "webpack serve --host HOST",
        allows: "devServer.allowedHosts: ['HOST']",
        files: &["webpack.config."],
        seen: &[("webpack serve", "webpack serve --port 20300")],
        ..Program::named("webpack webpack-dev-server", Kind::DevServer)
    }
    .inside(inside::webpack),
    Program {
        told: Way::Flags(&["--port", "{}"]),
        seen: &[("vue-cli-service serve", "vue-cli-service serve --port 20300")],
        ..Program::named("vue-cli-service", Kind::DevServer)
    }
    .inside(inside::vue_cli),
];
