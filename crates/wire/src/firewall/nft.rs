//! The answer of `nft -j list ruleset` (`libnftables-json(5)`), and of `nft -a list ruleset` for the words.

use std::collections::BTreeMap;

use portward_model::{FirewallRule, Removal, RuleVerdict, Text};
use serde_json::Value;

use super::{Draft, others};

/// What a rule set of nftables holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// The rules, in the tool's order.
    pub rules: Vec<FirewallRule>,
    /// True when it has tables at all.
    pub has_tables: bool,
    /// True when some were made by `iptables`, whose matches and targets `nft` cannot tell.
    pub has_foreign: bool,
}

/// Family and name of each table, as `nft list tables` prints them.
///
/// The JSON of the same is no JSON in nftables 1.0.6 where a table has flags: noise stands in their place.
pub fn nft_tables(text: &[u8]) -> Vec<(Text, Text)> {
    let text = String::from_utf8_lossy(text);
    let words = text.lines().filter_map(|line| line.trim().strip_prefix("table ")?.split_once(' '));
    words.map(|(family, name)| (Text::from(family), Text::from(name.trim()))).collect()
}

/// True when a table, as `nft list table` prints it, belongs to the program that made it and ends with that.
pub fn nft_has_owner(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let mut head = text.lines().map(str::trim).take_while(|line| !line.starts_with("chain ") && !line.starts_with("set "));
    head.any(|line| line.strip_prefix("flags ").is_some_and(|flags| flags.split([',', ' ', ';']).any(|flag| flag == "owner")))
}

/// Family, table, chain and handle of each rule, and the rule as the tool writes it.
pub fn nft_texts(bytes: &[u8]) -> BTreeMap<(String, u64), Text> {
    let mut found = BTreeMap::new();
    let text = String::from_utf8_lossy(bytes);
    let (mut table, mut chain, mut open) = (String::new(), String::new(), String::new());
    for line in text.lines().map(str::trim) {
        if let Some(name) = opened(line, "table ") {
            (table, chain) = (name, String::new());
        } else if let Some(name) = opened(line, "chain ") {
            (chain, open) = (name, String::new());
        } else if line == "}" {
            (chain, open) = (String::new(), String::new());
        } else if !chain.is_empty() {
            // A long set runs over several lines; the handle ends the last.
            match line.rsplit_once(" # handle ").and_then(|(rule, handle)| Some((rule, handle.parse::<u64>().ok()?))) {
                Some((rule, handle)) => {
                    found.insert((format!("{table} {chain}"), handle), Text::from(format!("{open}{rule}").as_str()));
                    open.clear();
                }
                None if line.starts_with("type ") || line.starts_with("comment ") || open.len() > LONGEST_RULE => open.clear(),
                None => {
                    open.push_str(line);
                    open.push(' ');
                }
            }
        }
    }
    found
}

/// `table inet filter { # handle 1` names `inet filter`.
fn opened(line: &str, word: &str) -> Option<String> {
    let (name, _) = line.strip_prefix(word)?.split_once(" {")?;
    Some(name.to_owned())
}

/// Reads the JSON; `None` when it is none. With `sudo`, the commands that remove a rule begin with that word.
pub fn nft_rules(json: &[u8], texts: &BTreeMap<(String, u64), Text>, sudo: bool) -> Option<Ruleset> {
    let document: Value = serde_json::from_str(&readable(json)).ok()?;
    let entries = document.get("nftables")?.as_array()?;
    let mut ruleset = Ruleset::default();
    let mut hooks: BTreeMap<String, &str> = BTreeMap::new();
    let mut sets: BTreeMap<String, &Value> = BTreeMap::new();
    let removal = |words: &[&str]| Removal::new(sudo.then_some("sudo").iter().chain([&"nft"]).chain(words));
    for entry in entries {
        ruleset.has_tables |= entry.get("table").is_some();
        if let Some(set) = entry.get("set").or(entry.get("map")) {
            sets.insert(format!("{} {} {}", word(set, "family"), word(set, "table"), word(set, "name")), set);
        }
        let Some(chain) = entry.get("chain") else { continue };
        let name = format!("{} {} {}", word(chain, "family"), word(chain, "table"), word(chain, "name"));
        hooks.insert(name.clone(), word(chain, "hook"));
        if word(chain, "policy") == "drop" {
            let draft = Draft {
                chain: Text::from(name.as_str()),
                hook: Text::from(word(chain, "hook")),
                text: Text::from("policy drop"),
                verdict: RuleVerdict::Drop,
                packets: None,
                ports: Vec::new(),
                interface: None,
                narrowed: false,
                removal: removal(&[
                    "chain",
                    word(chain, "family"),
                    word(chain, "table"),
                    word(chain, "name"),
                    "{ policy accept; }",
                ]),
            };
            draft.tell(&mut ruleset.rules);
        }
    }
    for rule in entries.iter().filter_map(|entry| entry.get("rule")) {
        let table = format!("{} {}", word(rule, "family"), word(rule, "table"));
        let chain = format!("{table} {}", word(rule, "chain"));
        let Some(handle) = rule.get("handle").and_then(Value::as_u64) else { continue };
        let mut reading = Reading::new(&sets, &table);
        for statement in rule.get("expr").and_then(Value::as_array).into_iter().flatten() {
            reading.statement(statement);
        }
        ruleset.has_foreign |= reading.foreign;
        if reading.other_protocol {
            continue;
        }
        let key = (chain, handle);
        let text = texts.get(&key).cloned().unwrap_or_else(|| Text::from(summary(rule).as_str()));
        let (chain, handle) = key;
        let draft = Draft {
            hook: Text::from(hooks.get(&chain).copied().unwrap_or_default()),
            text,
            verdict: reading.verdict,
            packets: reading.packets,
            ports: reading.ports.clone(),
            interface: reading.interface.clone(),
            narrowed: reading.narrowed,
            removal: removal(&[
                "delete",
                "rule",
                word(rule, "family"),
                word(rule, "table"),
                word(rule, "chain"),
                "handle",
                &handle.to_string(),
            ]),
            chain: Text::from(chain.as_str()),
        };
        for (verdict, ports) in reading.mapped {
            Draft { verdict, ports, ..draft.clone() }.tell(&mut ruleset.rules);
        }
        draft.tell(&mut ruleset.rules);
    }
    Some(ruleset)
}

/// Noise that nftables 1.0.6 prints for the flags of a table, as characters that JSON allows.
fn readable(json: &[u8]) -> String {
    String::from_utf8_lossy(json).replace(|c: char| c.is_control() && !c.is_whitespace(), "\u{fffd}")
}

/// The statements of a rule, for a tool that gave no words.
fn summary(rule: &Value) -> String {
    let text = rule.get("expr").map(Value::to_string).unwrap_or_default();
    text.chars().take(200).collect()
}

/// What the statements of one rule say.
struct Reading<'a> {
    sets: &'a BTreeMap<String, &'a Value>,
    table: &'a str,
    verdict: RuleVerdict,
    packets: Option<u64>,
    ports: Vec<(u16, u16)>,
    /// Verdicts that depend on the port.
    mapped: Vec<(RuleVerdict, Vec<(u16, u16)>)>,
    interface: Option<Text>,
    narrowed: bool,
    other_protocol: bool,
    foreign: bool,
}

impl<'a> Reading<'a> {
    fn new(sets: &'a BTreeMap<String, &'a Value>, table: &'a str) -> Self {
        Self {
            sets,
            table,
            verdict: RuleVerdict::Other,
            packets: None,
            ports: Vec::new(),
            mapped: Vec::new(),
            interface: None,
            narrowed: false,
            other_protocol: false,
            foreign: false,
        }
    }

    fn statement(&mut self, statement: &Value) {
        let Some((kind, value)) = statement.as_object().and_then(|object| object.iter().next()) else { return };
        match kind.as_str() {
            "drop" => self.verdict = RuleVerdict::Drop,
            "reject" if word(value, "type") == "tcp reset" => self.verdict = RuleVerdict::RejectReset,
            "reject" => self.verdict = RuleVerdict::RejectIcmp,
            "redirect" | "dnat" | "tproxy" => self.verdict = RuleVerdict::Redirect,
            "counter" => self.packets = value.get("packets").and_then(Value::as_u64),
            "match" => self.condition(value),
            "vmap" => self.map(value),
            "limit" => self.narrowed = true,
            "xt" => {
                self.foreign = true;
                self.narrowed |= word(value, "type") == "match";
            }
            _ => {}
        }
    }

    fn condition(&mut self, value: &Value) {
        let (Some(left), Some(right)) = (value.get("left"), value.get("right")) else { return };
        let negated = word(value, "op") == "!=";
        let payload = left.get("payload");
        let (protocol, field) = payload.map_or(("", ""), |payload| (word(payload, "protocol"), word(payload, "field")));
        let key = left.get("meta").map_or("", |meta| word(meta, "key"));
        match (protocol, field, key) {
            ("tcp" | "th", "dport" | "sport", _) => match self.ports_of(right) {
                Some(ports) => self.ports.extend(if negated { others(ports) } else { ports }),
                None => self.narrowed = true,
            },
            ("ip", "protocol", _) | ("ip6", "nexthdr", _) | (_, _, "l4proto") => {
                let is_tcp = elements(right).any(|element| element == "tcp" || element.as_u64() == Some(6));
                self.other_protocol |= is_tcp == negated;
            }
            ("udp" | "icmp" | "icmpv6" | "sctp" | "dccp" | "udplite" | "igmp" | "esp" | "ah" | "arp", ..) => {
                self.other_protocol = true;
            }
            (_, _, "iif" | "oif" | "iifname" | "oifname") if !negated && right.is_string() => {
                self.interface = right.as_str().map(Text::from);
            }
            // A family of addresses is no further condition on a connection of that family.
            (_, _, "nfproto" | "protocol") => {}
            _ => self.narrowed = true,
        }
    }

    fn map(&mut self, value: &Value) {
        let key = value.get("key").and_then(|key| key.get("payload"));
        let is_port = key.is_some_and(|key| matches!(word(key, "field"), "dport" | "sport") && word(key, "protocol") != "udp");
        let Some(pairs) = value.get("data").and_then(|data| self.set_of(data)).filter(|_| is_port) else {
            self.narrowed = true;
            return;
        };
        for pair in pairs {
            let (Some(port), Some(verdict)) = (pair.get(0), pair.get(1)) else { continue };
            let verdict = if verdict.get("drop").is_some() { RuleVerdict::Drop } else { RuleVerdict::Other };
            self.mapped.extend(ports(port).map(|ports| (verdict, vec![ports])));
        }
    }

    fn ports_of(&self, right: &'a Value) -> Option<Vec<(u16, u16)>> {
        match self.set_of(right) {
            Some(elements) => elements.iter().map(ports).collect(),
            None => ports(right).map(|ports| vec![ports]),
        }
    }

    /// The elements of a set that stands in the rule, or of one that it names (`@blocked`).
    fn set_of(&self, value: &'a Value) -> Option<&'a Vec<Value>> {
        if let Some(name) = value.as_str().and_then(|name| name.strip_prefix('@')) {
            return self.sets.get(&format!("{} {name}", self.table))?.get("elem")?.as_array();
        }
        value.get("set")?.as_array()
    }
}

/// A port, or a range of them.
fn ports(value: &Value) -> Option<(u16, u16)> {
    let port = |value: &Value| value.as_u64().and_then(|port| u16::try_from(port).ok());
    if let Some(range) = value.get("range") {
        return Some((port(range.get(0)?)?, port(range.get(1)?)?)).filter(|(first, last)| first <= last);
    }
    // An element of a set may carry a time-out or a counter of its own.
    let value = value.get("elem").and_then(|element| element.get("val")).unwrap_or(value);
    port(value).map(|port| (port, port))
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    let listed = value.get("set").and_then(Value::as_array);
    listed.into_iter().flatten().chain(listed.is_none().then_some(value))
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

const LONGEST_RULE: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use portward_model::RuleVerdict;

    use super::{nft_has_owner, nft_rules, nft_tables, nft_texts};

    /// As nftables 1.0.6 prints it, shortened.
    const JSON: &str = r#"{"nftables": [{"metainfo": {"json_schema_version": 1}},
        {"table": {"family": "inet", "name": "filter", "handle": 1}},
        {"chain": {"family": "inet", "table": "filter", "name": "sub", "handle": 1}},
        {"chain": {"family": "inet", "table": "filter", "name": "input", "handle": 2, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
        {"set": {"family": "inet", "name": "blocked", "table": "filter", "type": "inet_service", "handle": 9, "elem": [81, {"range": [90, 99]}]}},
        {"rule": {"family": "inet", "table": "filter", "chain": "sub", "handle": 3, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "sport"}}, "right": 4000}}, {"counter": {"packets": 7, "bytes": 420}}, {"reject": {"type": "icmpx", "expr": "admin-prohibited"}}]}},
        {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 4, "expr": [{"match": {"op": "==", "left": {"meta": {"key": "iif"}}, "right": "lo"}}, {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 3000}}, {"drop": null}]}},
        {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 6, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": [80, 3001]}}}, {"reject": {"type": "tcp reset"}}]}},
        {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 7, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": "@blocked"}}, {"drop": null}]}},
        {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 8, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": 53}}, {"drop": null}]}},
        {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 11, "expr": [{"vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "data": {"set": [[1, {"drop": null}], [2, {"accept": null}]]}}}]}},
        {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 12, "expr": [{"match": {"op": "!=", "left": {"ct": {"key": "state"}}, "right": "new"}}, {"drop": null}]}},
        {"rule": {"family": "ip", "table": "nat", "chain": "out", "handle": 2, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 3000}}, {"redirect": {"port": 3999}}]}}
    ]}"#;

    #[test]
    fn rules_with_their_ports_and_words() {
        let texts = nft_texts(
            b"table inet filter { # handle 1\n\tchain input { # handle 2\n\t\ttype filter hook input priority filter; policy drop;\n\
              \t\tiif \"lo\" tcp dport 3000 drop comment \"a # handle 9\" # handle 4\n\t\ttcp dport { 80,\n\t\t\t 3001 } reject with tcp reset # handle 6\n\t}\n}\n",
        );
        let ruleset = nft_rules(JSON.as_bytes(), &texts, true).unwrap();
        assert!(ruleset.has_tables && !ruleset.has_foreign);
        let shown: Vec<String> = ruleset
            .rules
            .iter()
            .map(|rule| {
                let port = rule.port.map(|port| port.to_string()).unwrap_or_default();
                let last = rule.last_port.map(|port| format!("-{port}")).unwrap_or_default();
                let narrowed = if rule.narrowed { " narrowed" } else { "" };
                format!("{}|{}|{:?}|{port}{last}{narrowed}", rule.chain, rule.hook, rule.verdict)
            })
            .collect();
        let expected = [
            "inet filter input|input|Drop|",
            "inet filter sub||RejectIcmp|4000",
            "inet filter input|input|Drop|3000",
            "inet filter input|input|RejectReset|80",
            "inet filter input|input|RejectReset|3001",
            "inet filter input|input|Drop|81",
            "inet filter input|input|Drop|90-99",
            "inet filter input|input|Drop|1",
            "inet filter input|input|Other|2",
            "inet filter input|input|Other|",
            "inet filter input|input|Drop| narrowed",
            "ip nat out||Redirect|3000",
        ];
        assert_eq!(shown, expected);
        assert_eq!(ruleset.rules[0].removal.command().unwrap().line(), "sudo nft chain inet filter input '{ policy accept; }'");
        assert_eq!((ruleset.rules[1].packets, ruleset.rules[1].verdict), (Some(7), RuleVerdict::RejectIcmp));
        let drop = &ruleset.rules[2];
        assert_eq!(drop.text.shown(), "iif \"lo\" tcp dport 3000 drop comment \"a # handle 9\"");
        assert_eq!(drop.interface.as_ref().unwrap().shown(), "lo");
        assert_eq!(drop.removal.command().unwrap().line(), "sudo nft delete rule inet filter input handle 4");
        assert_eq!(ruleset.rules[3].text.shown(), "tcp dport { 80, 3001 } reject with tcp reset");
    }

    #[test]
    fn tables_and_their_owners() {
        let tables = nft_tables(b"table inet filter\ntable ip portward x\n\nchain no\ntable\n\xff\n");
        let shown: Vec<String> = tables.iter().map(|(family, name)| format!("{family}|{name}")).collect();
        assert_eq!(shown, ["inet|filter", "ip|portward x"]);
        assert!(nft_has_owner(b"table inet x { # progname nft\n\tflags owner\n\n\tchain a {\n\t}\n}\n"));
        assert!(nft_has_owner(b"table inet x { # progname nft\n\tflags dormant,owner\n}\n"));
        assert!(!nft_has_owner(b"table inet x {\n\tchain owner {\n\t\tflags owner\n\t}\n}\n"));
        assert!(!nft_has_owner(b"table inet x {\n\tflags dormant\n}\n") && !nft_has_owner(b"\xff"));
    }

    #[test]
    fn noise_for_the_flags_of_a_table_costs_no_rule() {
        let mut json = br#"{"nftables": [{"table": {"family": "inet", "name": "x", "flags": ""#.to_vec();
        json.extend([1, 0xff, 0x80, 27]);
        json.extend(br#""}}, {"rule": {"family": "inet", "table": "x", "chain": "c", "handle": 2, "expr": [{"drop": null}]}}]}"#);
        assert_eq!(nft_rules(&json, &nft_texts(b""), false).unwrap().rules.len(), 1);
    }

    #[test]
    fn what_iptables_made_is_foreign() {
        let json = r#"{"nftables": [{"table": {"family": "ip", "name": "filter"}}, {"rule": {"family": "ip", "table": "filter",
            "chain": "INPUT", "handle": 2, "expr": [{"xt": {"type": "target", "name": "REJECT"}}]}}]}"#;
        assert!(nft_rules(json.as_bytes(), &nft_texts(b""), false).unwrap().has_foreign);
        for noise in [&b""[..], b"{}", b"[]", br#"{"nftables": 3}"#, b"\xff"] {
            assert_eq!(nft_rules(noise, &nft_texts(noise), false), None);
        }
        let empty = nft_rules(br#"{"nftables": [{"rule": {}}, {"chain": 3}, 7]}"#, &nft_texts(b"}\n}"), false).unwrap();
        assert!(empty.rules.is_empty() && !empty.has_tables);
    }
}
