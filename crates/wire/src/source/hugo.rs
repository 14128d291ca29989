//! `hugo.toml`: a site of Hugo, whose server has no port in its configuration.

use super::{
    Findings, Kind, Source,
    site::{Site, site},
};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "That it is there: `hugo server` can be started, on port 1313.",
    ..Kind::of(
        "hugo",
        "hugo.toml, hugo.yaml and hugo.json",
        &["config/_default/hugo.toml", "config/_default/hugo.yaml", "hugo.toml", "hugo.yaml", "hugo.yml", "hugo.json"],
        read,
    )
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let folder = source.folder();
    let folder = folder.strip_suffix("config/_default").map_or(folder, |above| above.trim_end_matches('/'));
    site(&HUGO, folder, None, found);
}

const HUGO: Site = Site { name: "site", command: "hugo server", usual: 1313, reason: "the usual port of Hugo" };
