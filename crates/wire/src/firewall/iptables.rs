//! The answer of `iptables-save -c` and `ip6tables-save -c` (`iptables-save(8)`, `iptables-extensions(8)`).

use portward_model::{FirewallRule, Removal, RuleVerdict, Text};

use super::{Draft, others};

/// Which of the two tools was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// `iptables`
    V4,
    /// `ip6tables`
    V6,
}

/// Reads the tables. With `sudo`, the commands that remove a rule begin with that word.
pub fn iptables_rules(bytes: &[u8], generation: Generation, sudo: bool) -> Vec<FirewallRule> {
    let (family, program) = match generation {
        Generation::V4 => ("ip", "iptables"),
        Generation::V6 => ("ip6", "ip6tables"),
    };
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    let mut table = "filter";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name.trim();
            continue;
        }
        let table_option: &[&str] = if table == "filter" { &[] } else { &["-t", table] };
        let removal =
            |words: &[&str]| Removal::new(sudo.then_some("sudo").iter().chain([&program]).chain(table_option).chain(words));
        if let Some(chain) = line.strip_prefix(':') {
            let mut words = chain.split_ascii_whitespace();
            let (Some(chain), Some("DROP")) = (words.next(), words.next()) else { continue };
            let draft = Draft {
                chain: Text::from(format!("{family} {table} {chain}").as_str()),
                hook: Text::from(hook(chain)),
                text: Text::from(format!("-P {chain} DROP").as_str()),
                verdict: RuleVerdict::Drop,
                packets: words.next().and_then(packets),
                ports: Vec::new(),
                interface: None,
                narrowed: false,
                removal: removal(&["-P", chain, "ACCEPT"]),
            };
            draft.tell(&mut found);
            continue;
        }
        let (counted, rule) = match line.split_once("] ") {
            Some((counts, rule)) if counts.starts_with('[') => (packets(counts), rule),
            _ => (None, line),
        };
        let Some(specification) = rule.strip_prefix("-A ") else { continue };
        let chain = specification.split(' ').next().unwrap_or_default();
        let Some(reading) = Reading::of(specification) else { continue };
        let words = words_of(specification);
        let draft = Draft {
            chain: Text::from(format!("{family} {table} {chain}").as_str()),
            hook: Text::from(hook(chain)),
            text: Text::from(rule),
            verdict: reading.verdict,
            packets: counted,
            ports: reading.ports,
            interface: reading.interface,
            narrowed: reading.narrowed,
            removal: removal(&[vec!["-D"], words.iter().map(String::as_str).collect()].concat()),
        };
        draft.tell(&mut found);
    }
    found
}

/// The arguments that a saved rule stands for: `iptables-save` puts what has a space in it between double quotes, and a backslash
/// before a quote or a backslash there.
fn words_of(specification: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut open: Option<String> = None;
    let mut quoted = false;
    let mut letters = specification.chars();
    while let Some(c) = letters.next() {
        match c {
            '"' => {
                quoted = !quoted;
                let _ = open.get_or_insert_default();
            }
            '\\' if quoted => open.get_or_insert_default().extend(letters.next()),
            ' ' if !quoted => words.extend(open.take()),
            c => open.get_or_insert_default().push(c),
        }
    }
    words.extend(open);
    words
}

/// What one rule says.
struct Reading {
    verdict: RuleVerdict,
    ports: Vec<(u16, u16)>,
    interface: Option<Text>,
    narrowed: bool,
}

impl Reading {
    /// `None` for a rule of another protocol than TCP.
    fn of(specification: &str) -> Option<Self> {
        let mut reading = Self { verdict: RuleVerdict::Other, ports: Vec::new(), interface: None, narrowed: false };
        let mut negated = false;
        let mut words = specification.split_ascii_whitespace().skip(1);
        while let Some(word) = words.next() {
            match word {
                "!" => {
                    negated = true;
                    continue;
                }
                "-p" | "--protocol" => {
                    let is_tcp = matches!(words.next()?, "tcp" | "6" | "all");
                    if is_tcp == negated {
                        return None;
                    }
                }
                "--dport" | "--sport" | "--dports" | "--sports" | "--ports" => {
                    let ports: Vec<(u16, u16)> = words.next()?.split(',').filter_map(range).collect();
                    reading.ports.extend(if negated { others(ports) } else { ports });
                }
                "-i" | "-o" if !negated => reading.interface = words.next().map(Text::from),
                // The protocol's own match and the one that lists ports say nothing more by themselves.
                "-m" => match words.next()? {
                    "tcp" | "multiport" | "comment" => {}
                    _ => reading.narrowed = true,
                },
                "-j" => reading.verdict = verdict(words.next()?),
                "--reject-with" if words.next() == Some("tcp-reset") => reading.verdict = RuleVerdict::RejectReset,
                "-i" | "-o" | "-s" | "-d" | "--tcp-flags" | "--syn" => reading.narrowed = true,
                _ => {}
            }
            negated = false;
        }
        Some(reading)
    }
}

fn verdict(target: &str) -> RuleVerdict {
    match target {
        "DROP" => RuleVerdict::Drop,
        "REJECT" => RuleVerdict::RejectIcmp,
        "REDIRECT" | "DNAT" | "TPROXY" => RuleVerdict::Redirect,
        _ => RuleVerdict::Other,
    }
}

/// `3000`, or `3000:3010` with either end left out.
fn range(text: &str) -> Option<(u16, u16)> {
    let Some((first, last)) = text.split_once(':') else { return text.parse().ok().map(|port| (port, port)) };
    let first = if first.is_empty() { 0 } else { first.parse().ok()? };
    let last = if last.is_empty() { u16::MAX } else { last.parse().ok()? };
    (first <= last).then_some((first, last))
}

/// The packets of `[12:720]`.
fn packets(counts: &str) -> Option<u64> {
    counts.strip_prefix('[')?.split(':').next()?.parse().ok()
}

fn hook(chain: &str) -> &'static str {
    match chain {
        "INPUT" => "input",
        "OUTPUT" => "output",
        "FORWARD" => "forward",
        "PREROUTING" => "prerouting",
        "POSTROUTING" => "postrouting",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::{Generation, iptables_rules};

    #[test]
    fn tables_as_they_are_saved() {
        let saved = b"# Generated by iptables-save\n*nat\n:OUTPUT ACCEPT [0:0]\n\
            [2:120] -A OUTPUT -p tcp -m tcp --dport 3000 -j REDIRECT --to-ports 3999\nCOMMIT\n\
            *filter\n:INPUT DROP [5:300]\n:DOCKER - [0:0]\n\
            [1:60] -A INPUT -i lo -p tcp -m tcp --dport 3000 -j REJECT --reject-with tcp-reset\n\
            [0:0] -A INPUT -p tcp -m multiport --dports 80,90:99 -j REJECT --reject-with icmp-port-unreachable\n\
            [0:0] -A INPUT -p udp -m udp --dport 53 -j DROP\n\
            [0:0] -A INPUT ! -s 127.0.0.0/8 -p tcp -j DROP\n\
            -A DOCKER -p tcp -m tcp ! --dport 22 -j DROP\nCOMMIT\n";
        let shown: Vec<String> = iptables_rules(saved, Generation::V4, true)
            .iter()
            .map(|rule| {
                let port = rule.port.map(|port| port.to_string()).unwrap_or_default();
                let last = rule.last_port.map(|port| format!("-{port}")).unwrap_or_default();
                format!("{}|{}|{:?}|{:?}|{port}{last}|{}", rule.chain, rule.hook, rule.verdict, rule.packets, rule.narrowed)
            })
            .collect();
        let expected = [
            "ip nat OUTPUT|output|Redirect|Some(2)|3000|false",
            "ip filter INPUT|input|Drop|Some(5)||false",
            "ip filter INPUT|input|RejectReset|Some(1)|3000|false",
            "ip filter INPUT|input|RejectIcmp|Some(0)|80|false",
            "ip filter INPUT|input|RejectIcmp|Some(0)|90-99|false",
            "ip filter INPUT|input|Drop|Some(0)||true",
            "ip filter DOCKER||Drop|None|0-21|false",
            "ip filter DOCKER||Drop|None|23-65535|false",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_removes_a_rule() {
        let saved =
            b"*nat\n[0:0] -A OUTPUT -p tcp -m tcp --dport 3000 -j DNAT --to-destination [::1]:1\n*filter\n:INPUT DROP [0:0]\n";
        let rules = iptables_rules(saved, Generation::V6, false);
        let told = |at: usize| rules[at].removal.command().unwrap().to_string();
        // To zsh a bracket begins a pattern.
        assert_eq!(told(0), "ip6tables -t nat -D OUTPUT -p tcp -m tcp --dport 3000 -j DNAT --to-destination '[::1]:1'");
        assert_eq!(told(1), "ip6tables -P INPUT ACCEPT");
        let comment = br#"[0:0] -A INPUT -m comment --comment "a \"b\" $(id) \\ c" -j DROP"#;
        let rules = iptables_rules(comment, Generation::V4, true);
        let line = rules[0].removal.command().unwrap();
        let arrives = ["sudo", "iptables", "-D", "INPUT", "-m", "comment", "--comment", "a \"b\" $(id) \\ c", "-j", "DROP"];
        assert_eq!(line.argv(), arrives);
        assert!(iptables_rules(b":\n*\n-A\n[ -A x\n[] -A\n:INPUT\n-A X -p", Generation::V4, true).is_empty());
    }
}
