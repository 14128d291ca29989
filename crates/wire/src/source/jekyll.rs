//! `_config.yml` beside a `Gemfile`: a site of Jekyll.

use super::{
    Findings, Kind, Source,
    site::{Site, of_yaml, site},
};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "`port` and `host`, where a `Gemfile` stands beside it. `bundle exec jekyll serve` can be started, on port 4000 where none is said.",
    beside: &["Gemfile"],
    ..Kind::of("jekyll", "Jekyll's _config.yml", &["_config.yml", "_config.yaml"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let said = of_yaml(source, ("port", "host"), "the port of Jekyll's configuration", found);
    if found.flaws.is_empty() {
        site(&JEKYLL, source.folder(), said, found);
    }
}

const JEKYLL: Site = Site { name: "site", command: "bundle exec jekyll serve", usual: 4000, reason: "the usual port of Jekyll" };
