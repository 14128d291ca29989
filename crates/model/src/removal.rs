//! How a rule of the packet filter is removed.

use serde::{Deserialize, Serialize};

use crate::{ShellLine, Text, shell};

/// The arguments of the command that removes a rule: `nft delete rule inet filter input handle 4`.
///
/// They are kept as what they were read from says them, and a snapshot may be somebody else's. So they are no command before
/// [`Removal::command`] has looked at them: it knows two programs, and of both the few forms that remove a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Removal(Vec<Text>);

impl Removal {
    /// These arguments.
    pub fn new(words: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        Self(words.into_iter().map(Text::new).collect())
    }

    /// The command line, where it removes a rule and does nothing else, and can be typed.
    pub fn command(&self) -> Option<ShellLine> {
        let plain: Vec<&str> = self.0.iter().map(Text::plain).collect::<Option<_>>()?;
        let (sudo, words) = match plain.split_first()? {
            (&"sudo", rest) => ("sudo ", rest),
            _ => ("", plain.as_slice()),
        };
        let (program, rest) = words.split_first()?;
        let line: ShellLine = match (*program, rest) {
            ("nft", ["delete", "rule", family, table, chain, "handle", handle]) if are_names(&[family, table, chain]) => {
                let handle: u64 = handle.parse().ok()?;
                shell!("nft delete rule {} {} {} handle {}", family, table, chain, handle)
            }
            ("nft", ["chain", family, table, chain, POLICY]) if are_names(&[family, table, chain]) => {
                shell!("nft chain {} {} {}", family, table, chain).word(POLICY)
            }
            ("iptables", rest) if removes(rest) => rest.iter().fold("iptables".into(), ShellLine::word),
            ("ip6tables", rest) if removes(rest) => rest.iter().fold("ip6tables".into(), ShellLine::word),
            _ => return None,
        };
        line.behind(sudo).typeable()
    }
}

/// True for names that are words of nft's language too, which reads its arguments as one text.
fn are_names(names: &[&str]) -> bool {
    let is_name = |name: &&str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./".contains(&b))
    };
    names.iter().all(is_name)
}

/// True for arguments of `iptables` that delete one rule or set a chain's policy, and start no program of their own.
fn removes(words: &[&str]) -> bool {
    let words = match words {
        ["-t", _, rest @ ..] => rest,
        words => words,
    };
    // What is abbreviated is the same to it.
    let starts = |word: &&str| {
        let name = word.split('=').next().unwrap_or_default();
        word.starts_with("-M") || (name.len() > 2 && name != "--mode" && "--modprobe".starts_with(name))
    };
    match words {
        ["-P", chain, "ACCEPT"] => !chain.starts_with('-'),
        ["-D", chain, rest @ ..] => !chain.starts_with('-') && !rest.iter().any(starts),
        _ => false,
    }
}

const POLICY: &str = "{ policy accept; }";

#[cfg(test)]
mod tests {
    use super::Removal;

    fn told(words: &[&str]) -> Option<String> {
        Removal::new(words).command().map(|line| line.to_string())
    }

    #[test]
    fn what_removes_a_rule_is_a_command() {
        for (words, line) in [
            ("nft delete rule inet filter input handle 4", "nft delete rule inet filter input handle 4"),
            ("sudo iptables -t nat -D OUTPUT -p tcp -j DNAT", "sudo iptables -t nat -D OUTPUT -p tcp -j DNAT"),
            ("ip6tables -P INPUT ACCEPT", "ip6tables -P INPUT ACCEPT"),
        ] {
            assert_eq!(told(&words.split(' ').collect::<Vec<_>>()).as_deref(), Some(line));
        }
        assert_eq!(
            told(&["nft", "chain", "ip", "filter", "input", "{ policy accept; }"]).as_deref(),
            Some("nft chain ip filter input '{ policy accept; }'")
        );
        let comment = ["iptables", "-D", "INPUT", "-m", "comment", "--comment", "$(id)", "-j", "DROP"];
        assert_eq!(told(&comment).as_deref(), Some("iptables -D INPUT -m comment --comment '$(id)' -j DROP"));
    }

    #[test]
    fn what_does_anything_else_is_none() {
        for words in [
            &["sh", "-c", "id"] as &[&str],
            &["sudo"],
            &[],
            &["nft", "-f", "/tmp/x"],
            &["nft", "delete", "rule", "inet", "filter", "a; flush ruleset", "handle", "4"],
            &["nft", "delete", "rule", "inet", "filter", "input", "handle", "4; x"],
            &["iptables", "-D", "INPUT", "--modprobe=/tmp/x"],
            &["iptables", "-D", "INPUT", "--modp", "/tmp/x"],
            &["iptables", "-D", "INPUT", "-M/tmp/x"],
            &["iptables", "-F"],
            &["iptables", "-D", "INPUT", "-m", "comment", "--comment", "a\nb"],
        ] {
            assert_eq!(told(words), None, "{words:?}");
        }
    }
}
