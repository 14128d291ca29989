//! A project with a portward.toml, for the tests of what answers from it.

use std::path::PathBuf;

use portward_testkit::{Entry, Outcome, World};

/// A world with a repository `shop`, and the folder that programs are in.
pub(crate) struct Shop {
    pub(crate) world: World,
    pub(crate) root: PathBuf,
}

pub(crate) const FILE: &str = r#"name = "shop"
[env]
DATABASE_URL = "postgres://app@{db}/shop"
API = "{web.url}/api"
[services.web]
command = "npm run dev"
port = 3000
ports = { debug = 9229, metrics = "udp/8125" }
description = "the shop's front"
public = "web"
after = ["db"]
env = { NODE_ENV = "development", PUBLIC = "{API}/v1" }
[services.db]
use = "postgres"
port = 5432
"#;

impl Shop {
    /// A repository with this file.
    pub(crate) fn with(file: &str) -> Option<Self> {
        let world = crate::world()?;
        let root = world.git_repository("shop", "main");
        world.file("shop/portward.toml", file);
        world.give(&root);
        Some(Self { world, root })
    }

    pub(crate) fn write(&self, file: &str) {
        self.world.file("shop/portward.toml", file);
    }

    pub(crate) fn enter(&self) -> Entry<'_> {
        let bin = self.world.portward_path().parent().unwrap().display().to_string();
        self.world.enter().directory(&self.root).env("PATH", format!("{bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"))
    }

    pub(crate) fn portward(&self, words: &[&str]) -> Outcome {
        self.enter().portward(words)
    }

    /// The leased port of an asked one.
    pub(crate) fn port(&self, name: &str) -> String {
        self.portward(&["port", name]).expect(0).stdout.trim_end().to_owned()
    }
}
