//! `mkdocs.yml`: a site of `MkDocs`.

use super::{
    Findings, Kind, Source,
    site::{Site, of_yaml, site},
};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "`dev_addr`. `mkdocs serve` can be started, on port 8000 where none is said.",
    ..Kind::of("mkdocs", "mkdocs.yml", &["mkdocs.yml", "mkdocs.yaml"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let said = of_yaml(source, ("dev_addr", ""), "where MkDocs' configuration tells its server to listen", found);
    if found.flaws.is_empty() {
        site(&MKDOCS, source.folder(), said, found);
    }
}

const MKDOCS: Site = Site { name: "docs", command: "mkdocs serve", usual: 8000, reason: "the usual port of MkDocs" };
