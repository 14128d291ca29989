//! Servers of logs, metrics and print jobs: each keeps whatever it is sent and answers nothing, so that nothing but its port tells.
//!
//! The words are the service's name alone; other services are usual on some of these ports.

use super::{Protocol, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "raw lines",
    ports: &[
        usual(514, "syslog"),
        usual(601, "syslog"),
        usual(1514, "syslog"),
        usual(2003, "Graphite"),
        usual(2004, "Graphite"),
        usual(4242, "OpenTSDB"),
        usual(5044, "Logstash"),
        usual(5140, "syslog"),
        usual(5170, "Fluent Bit"),
        usual(6514, "syslog"),
        usual(8094, "Telegraf"),
        usual(8125, "StatsD"),
        usual(9100, "a raw printer"),
        usual(12201, "Graylog"),
        usual(24224, "Fluentd"),
    ],
    event: Some("keeps whatever it is sent"),
    ..Protocol::named("sink")
};
