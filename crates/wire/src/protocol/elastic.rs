//! Elasticsearch and `OpenSearch`, which speak HTTP.

use super::{Protocol, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "Elasticsearch",
    aliases: &["elasticsearch", "opensearch"],
    words: &["elastic"],
    ports: &[usual(9200, "Elasticsearch or OpenSearch")],
    client: "curl -i http://HOST:PORT/",
    ..Protocol::named("elastic")
};
